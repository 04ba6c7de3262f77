/**
 * The entries of a TAR stream, in order, with bounded memory: POSIX ustar, with the long names of pax and GNU tar.
 *
 * Why not a library: one odd entry should cost one item, and both usual ones lose the archive or the entry. tar-stream
 * 3.2 takes the map of a sparse file for a header, reads content behind a link that only names a size, and refuses signed
 * checksums and bytes after the end. node-tar 7.5 passes in silence over sparse files and malformed extension headers.
 *
 * A header block of 512 bytes, its content padded to 512, and so on, until two blocks of zeros, or the end.
 */
const block = 512;
/** Of an extension header: macOS puts whatever belongs to a file into one, such as the thumbnail of a picture. */
const longestExtension = 1024 * 1024;

export interface TarEntry {
  /** As the archive has it; not to be trusted as a path. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Whether it is a file, and no folder, link or device. */
  readonly isFile: boolean;
  /** Whether it is a file of which only the parts that are not zero are in the archive. */
  readonly isSparse: boolean;
  /** Its content, once, where it is wanted; what is not read is skipped. */
  readonly read: () => Promise<Buffer>;
}

export class TarError extends Error {
  override readonly name = 'TarError';
}

/** Yields each entry; the next one is read when it is asked for. Throws TarError. */
export async function* readTar(chunks: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const source = new ByteSource(chunks);
  let extension: Extension = {};
  try {
    for (;;) {
      const header = await source.take(block, true);
      if (header === undefined) return;
      if (header.every((byte) => byte === 0)) {
        // An upload has arrived when its last byte has, though nothing after this counts.
        await source.drain();
        return;
      }
      checkHeader(header);
      const type = String.fromCharCode(header[156] ?? 0);
      const headerSize = number(header, 124, 12);
      if (type === 'x' || type === 'X') {
        extension = { ...extension, ...parsePax(await readExtension(source, headerSize)) };
        continue;
      }
      if (type === 'L') {
        const content = await readExtension(source, headerSize);
        extension = { ...extension, name: text(content, 0, content.length) };
        continue;
      }
      if (type === 'g' || type === 'K') {
        await readExtension(source, headerSize);
        continue;
      }
      const isGnuSparse = type === 'S';
      if (isGnuSparse) await skipSparseMap(source, header);
      // Of what has no content, some writers give the size of the file that a link leads to. A pax header makes a link's its own.
      const isBare = '23456'.includes(type) || (type === '1' && extension.isPax !== true);
      const size = isBare ? 0 : (extension.size ?? headerSize);
      const name = extension.name ?? headerName(header);
      const isSparse = isGnuSparse || extension.isSparse === true;
      extension = {};
      let rest = size;
      yield {
        name,
        size,
        // Before POSIX a folder was a file whose name ends so.
        isFile: (type === '0' || type === '\0' || type === '7' || isGnuSparse) && !name.endsWith('/'),
        isSparse,
        read: async () => {
          rest = 0;
          return (await source.take(size)) ?? Buffer.alloc(0);
        },
      };
      await source.skip(rest);
      await source.skip(padding(size));
    }
  } finally {
    await source.close();
  }
}

function padding(size: number): number {
  return (block - (size % block)) % block;
}

async function readExtension(source: ByteSource, size: number): Promise<Buffer> {
  if (size > longestExtension) throw new TarError('an extension header is too long');
  const content = (await source.take(size)) ?? Buffer.alloc(0);
  await source.skip(padding(size));
  return content;
}

/** Where the content of a sparse file of GNU tar belongs, which takes more blocks where there are many places. */
async function skipSparseMap(source: ByteSource, header: Buffer): Promise<void> {
  let isContinued = header[482] !== 0;
  while (isContinued) {
    const map = await source.take(block);
    isContinued = map?.[504] !== 0;
  }
}

/** The sum of all bytes, those of the checksum itself as spaces. Old writers took bytes for signed ones. */
function checkHeader(header: Buffer): void {
  let sum = 0;
  let signed = 0;
  for (const [at, byte] of header.entries()) {
    const counted = at >= 148 && at < 156 ? 0x20 : byte;
    sum += counted;
    signed += counted < 0x80 ? counted : counted - 0x100;
  }
  const told = number(header, 148, 8);
  if (told !== sum && told !== signed) throw new TarError('a header has the wrong checksum');
}

function text(buffer: Buffer, start: number, end: number): string {
  const zero = buffer.indexOf(0, start);
  return buffer.toString('utf8', start, zero === -1 ? end : Math.min(zero, end));
}

/** Octal digits, or GNU's binary for large numbers. */
function number(header: Buffer, start: number, length: number): number {
  if (((header[start] ?? 0) & 0x80) !== 0) {
    const value = header.subarray(start + 1, start + length).reduce((sum, byte) => sum * 256 + byte, 0);
    if (header[start] !== 0x80 || !Number.isSafeInteger(value)) throw new TarError('a number is out of range');
    return value;
  }
  const digits = text(header, start, start + length).trim();
  if (!/^[0-7]*$/.test(digits)) throw new TarError('a number is not octal');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function headerName(header: Buffer): string {
  const name = text(header, 0, 100);
  const isUstar = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isUstar ? text(header, 345, 500) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** What extension headers say of the entry after them. */
interface Extension {
  readonly name?: string;
  readonly size?: number;
  readonly isPax?: boolean;
  readonly isSparse?: boolean;
}

/** Records `<length> <key>=<value>\n`, of which the path, the size and those of sparse files matter here. */
function parsePax(content: Buffer): Extension {
  const found: { name?: string; size?: number; isPax: boolean; isSparse?: boolean } = { isPax: true };
  let sparseName: string | undefined;
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at);
    const length = space === -1 ? Number.NaN : Number(content.toString('latin1', at, space));
    if (!Number.isInteger(length) || length <= space - at || at + length > content.length) {
      throw new TarError('a pax header is malformed');
    }
    const record = content.toString('utf8', space + 1, at + length - 1);
    const [key = ''] = record.split('=', 1);
    const value = record.slice(key.length + 1);
    if (key === 'path') found.name = value;
    // The path of a sparse file has a folder that does not exist.
    if (key === 'GNU.sparse.name') sparseName = value;
    if (key.startsWith('GNU.sparse.')) found.isSparse = true;
    if (key === 'size') {
      if (!/^\d{1,15}$/.test(value)) throw new TarError('a pax header has a size that is no number');
      found.size = Number(value);
    }
    at += length;
  }
  return sparseName === undefined ? found : { ...found, name: sparseName };
}

/** Exact numbers of bytes from chunks of any length. */
class ByteSource {
  readonly #chunks: AsyncIterator<Buffer>;
  #current: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `length` bytes, a copy; undefined where `orEnd` and none is left. Throws where it ends in between. */
  async take(length: number, orEnd = false): Promise<Buffer | undefined> {
    const bytes = Buffer.allocUnsafeSlow(length);
    let taken = 0;
    while (taken < length) {
      const piece = await this.#next(length - taken);
      if (piece === undefined) {
        if (orEnd && taken === 0) return undefined;
        throw new TarError('it ends early');
      }
      taken += piece.copy(bytes, taken);
    }
    return bytes;
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0;) {
      const piece = await this.#next(left);
      if (piece === undefined) throw new TarError('it ends early');
      left -= piece.length;
    }
  }

  async drain(): Promise<void> {
    while ((await this.#next(Infinity)) !== undefined);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #next(most: number): Promise<Buffer | undefined> {
    while (this.#current.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return undefined;
      this.#current = next.value;
    }
    const piece = this.#current.subarray(0, most);
    this.#current = this.#current.subarray(piece.length);
    return piece;
  }
}
