/** Writes a TAR archive (POSIX ustar; pax headers for long names) as a stream whose length is known before. */
import { QuintetError } from './errors.js';

/** A file of known size, read when its turn comes; a Blob is one. */
export interface SizedContent {
  readonly size: number;
  stream(): AsyncIterable<Uint8Array>;
}

export interface BatchFile {
  /** As results name it; with `/` between folders. */
  readonly name: string;
  readonly content: Uint8Array | SizedContent;
}

const block = 512;
const longestName = 100;
const encoder = new TextEncoder();

const sizeOf = ({ content }: BatchFile): number => (content instanceof Uint8Array ? content.length : content.size);
const padded = (size: number): number => Math.ceil(size / block) * block;

/** Bytes of the archive of these files. */
export function tarSize(files: Iterable<BatchFile>): number {
  let size = 2 * block;
  for (const file of files) size += entrySize(file);
  return size;
}

/** Bytes that a file takes of an archive. */
export function entrySize(file: BatchFile): number {
  const extension = paxHeader(file.name);
  return (extension === undefined ? 0 : block + padded(extension.length)) + block + padded(sizeOf(file));
}

/** Throws QuintetError `image_unreadable` where a file is not as long any more as it said. */
export async function* tarChunks(files: Iterable<BatchFile>): AsyncGenerator<Uint8Array> {
  for (const file of files) {
    const extension = paxHeader(file.name);
    if (extension !== undefined) yield* padding(header('pax', extension.length, 'x'), extension);
    const size = sizeOf(file);
    yield header(extension === undefined ? file.name : 'long', size, '0');
    if (file.content instanceof Uint8Array) {
      yield file.content;
    } else {
      let read = 0;
      for await (const chunk of file.content.stream()) {
        read += chunk.length;
        if (read > size) break;
        yield chunk;
      }
      if (read !== size) throw new QuintetError('image_unreadable', `${file.name} was changed while it was sent.`);
    }
    if (size % block !== 0) yield new Uint8Array(block - (size % block));
  }
  yield new Uint8Array(2 * block);
}

function* padding(head: Uint8Array, content: Uint8Array): Generator<Uint8Array> {
  yield head;
  yield content;
  if (content.length % block !== 0) yield new Uint8Array(block - (content.length % block));
}

/** The record of a name that a header has no room for, `<length> path=<name>\n`, the length counting itself. */
function paxHeader(name: string): Uint8Array | undefined {
  const bytes = encoder.encode(name);
  if (bytes.length <= longestName) return undefined;
  const rest = bytes.length + ' path=\n'.length;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return encoder.encode(`${length} path=${name}\n`);
}

function header(name: string, size: number, type: 'x' | '0'): Uint8Array {
  const bytes = new Uint8Array(block);
  const put = (text: string, at: number): void => {
    bytes.set(encoder.encode(text), at);
  };
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;
  put(name, 0);
  put(octal(0o644, 8), 100);
  put(octal(0, 8), 108);
  put(octal(0, 8), 116);
  put(octal(size, 12), 124);
  put(octal(0, 12), 136);
  put('        ', 148);
  put(type, 156);
  put('ustar\0' + '00', 257);
  put(
    `${octal(
      bytes.reduce((sum, byte) => sum + byte, 0),
      7,
    )} `,
    148,
  );
  return bytes;
}

/** A web stream of the chunks, read as it is read. (`ReadableStream.from` is not everywhere.) */
export function asStream(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      pull: async (controller) => {
        const next = await chunks.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      cancel: async () => {
        await chunks.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
