import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { fromRandomAccessReaderPromise, RandomAccessReader, type Entry, type ZipFile } from 'yauzl';
import { ModelError, reasonOf } from '../errors.js';

/** The file is damaged, or no checkpoint. The message continues the file's name. */
export const invalid = (problem: string, cause?: unknown): ModelError =>
  new ModelError('checkpoint_invalid', `${problem}. Download it again, or save it again.`, { cause });

/** The file may be good, but it is not read here. */
export const refused = (problem: string): ModelError => new ModelError('checkpoint_refused', `${problem}.`);

/** Bytes that can be read at any place: a file, a part of one, or memory. */
export interface ByteSource {
  readonly size: number;
  /** Exactly these bytes, which are the caller's to keep. Rejects with ModelError `checkpoint_invalid` where they end before. */
  read(offset: number, length: number): Promise<Buffer>;
}

const READ_BYTES = 1 << 20;

/** An open file; the caller closes it. */
export function fileSource(file: FileHandle, size: number): ByteSource {
  return {
    size,
    read: async (offset, length) => {
      assertWithin(offset, length, size);
      const buffer = Buffer.allocUnsafeSlow(length);
      for (let done = 0; done < length;) {
        const { bytesRead } = await file.read(buffer, done, length - done, offset + done);
        if (bytesRead === 0) throw invalid('the file became shorter while it was read');
        done += bytesRead;
      }
      return buffer;
    },
  };
}

export function bufferSource(buffer: Buffer): ByteSource {
  return {
    size: buffer.length,
    // eslint-disable-next-line @typescript-eslint/require-await -- so that it rejects, as the other sources do
    read: async (offset, length) => {
      assertWithin(offset, length, buffer.length);
      return Buffer.from(buffer.subarray(offset, offset + length));
    },
  };
}

/** A part of another source. Throws where it lies outside. */
export function partOf(source: ByteSource, start: number, size: number): ByteSource {
  assertWithin(start, size, source.size);
  return {
    size,
    read: async (offset, length) => {
      assertWithin(offset, length, size);
      return source.read(start + offset, length);
    },
  };
}

function assertWithin(offset: number, length: number, size: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= size) return;
  throw invalid(`it is cut off: ${offset + length} bytes are needed and ${size} are there`);
}

/** What yauzl reads a ZIP from. */
class SourceReader extends RandomAccessReader {
  constructor(private readonly source: ByteSource) {
    super();
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#pieces(start, end), { objectMode: false });
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    // In a turn of its own: an error that the callback throws is not one of reading.
    this.source.read(position, length).then(
      (bytes) => {
        bytes.copy(buffer, offset);
        setImmediate(callback, null);
      },
      (error: unknown) => {
        setImmediate(callback, error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  override close(callback: (error: Error | null) => void): void {
    callback(null);
  }

  async *#pieces(start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at < end; at += READ_BYTES) yield await this.source.read(at, Math.min(READ_BYTES, end - at));
  }
}

/** ZIP archives inside of a source: wheels, and the form in which PyTorch has saved since 1.6. */
/** A ResNet-152 has 1000. */
const MAX_ENTRIES = 100_000;

/** What is compressed is unpacked in memory: up to this size, and this many times larger than it was. */
const MAX_UNPACKED_BYTES = 1 << 30;
const MAX_RATIO = 100;

const STORED = 0;

export class Archive {
  private constructor(
    private readonly source: ByteSource,
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  /** Reads the directory. Rejects with ModelError. */
  static async open(source: ByteSource): Promise<Archive> {
    return converted(async () => {
      const zip = await fromRandomAccessReaderPromise(new SourceReader(source), source.size, { autoClose: false });
      if (zip.entryCount > MAX_ENTRIES) throw refused(`its archive has more than ${MAX_ENTRIES} files`);
      const entries = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) {
        if (entries.has(entry.fileName)) throw invalid(`its archive has ${shown(entry.fileName)} twice`);
        entries.set(entry.fileName, entry);
      }
      return new Archive(source, zip, entries);
    });
  }

  get names(): string[] {
    return [...this.entries.keys()];
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /**
   * The bytes of a file in the archive: those that are not compressed are read where they lie. The checksum of the others is
   * verified; PyTorch may leave it out of its own. Rejects with ModelError.
   */
  async file(name: string): Promise<ByteSource> {
    const entry = this.entries.get(name);
    if (entry === undefined) throw invalid(`its archive lacks ${shown(name)}`);
    return converted(async () => {
      if (entry.isEncrypted()) throw refused(`${shown(name)} in its archive is encrypted. Unpack it first`);
      const { uncompressedSize: size, compressedSize: packed } = entry;
      if (entry.compressionMethod === STORED) {
        const { fileDataStart } = await this.zip.readLocalFileHeaderPromise(entry, { minimal: true });
        return partOf(this.source, fileDataStart, size);
      }
      if (size > MAX_UNPACKED_BYTES || size > packed * MAX_RATIO) {
        throw refused(`${shown(name)} in its archive unpacks from ${packed} to ${size} bytes. Unpack it first`);
      }
      const chunks: Buffer[] = [];
      for await (const chunk of await this.zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
      const bytes = Buffer.concat(chunks);
      if (crc32(bytes) !== entry.crc32) throw invalid(`the checksum of ${shown(name)} in its archive is wrong`);
      return bufferSource(bytes);
    });
  }
}

/** What yauzl finds wrong is wrong with the file. */
async function converted<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ModelError) throw error;
    throw invalid(`its archive is damaged (${reasonOf(error)})`, error);
  }
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 200));
