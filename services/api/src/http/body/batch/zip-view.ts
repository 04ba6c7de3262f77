/**
 * The archive in a file: from where its offsets count to its end record. yauzl wants a file that is an archive and nothing else; what
 * is sent often has bytes behind it (a line end, zeros of a disk's block) or before it (the program of a self-extracting archive).
 *
 * Source of the records: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.12 to 4.3.16; of what is tolerated: Info-ZIP's unzip.
 */
import { Readable } from 'node:stream';
import { RandomAccessReader } from 'yauzl';
import { readRange, type Spool } from './spool.js';

const endSignature = Buffer.from('PK\x05\x06', 'latin1');
const end64Signature = Buffer.from('PK\x06\x06', 'latin1');
const locatorSignature = Buffer.from('PK\x06\x07', 'latin1');
const entrySignature = Buffer.from('PK\x01\x02', 'latin1');
const endLength = 22;
const end64Length = 56;
const locatorLength = 20;
/** Of a comment in the archive, and of what is behind it. */
const mostComment = 0xffff;
const mostBehind = 0x1_0000;

const pieceLength = 64 * 1024;

export interface ZipView {
  readonly reader: RandomAccessReader;
  /** Bytes. */
  readonly size: number;
}

/** Finds the archive in `spool`. Throws where there is none, in words for its sender. */
export async function findZip(spool: Spool): Promise<ZipView> {
  const tailStart = Math.max(0, spool.size - endLength - mostComment - mostBehind);
  const tail = await readRange(spool, tailStart, spool.size);
  // The last record that leads to a directory: what is behind an archive may look like a record, and so may its comment.
  for (
    let at = tail.lastIndexOf(endSignature);
    at !== -1;
    at = at === 0 ? -1 : tail.lastIndexOf(endSignature, at - 1)
  ) {
    if (at + endLength > tail.length) continue;
    const base = await baseOf(spool, tailStart + at, tail.subarray(at, at + endLength));
    if (base === undefined) continue;
    const size = tailStart + at + endLength - base;
    return { reader: new ViewReader(spool, base, size), size };
  }
  throw new Error('it has no directory at its end: it is no ZIP, or the end of it is missing');
}

/** Where the offsets of an archive count from whose end record is at `end`; undefined where no directory is where it says. */
async function baseOf(spool: Spool, end: number, record: Buffer): Promise<number | undefined> {
  const holds = async (signature: Buffer, at: number): Promise<boolean> =>
    at >= 0 && at + 4 <= end && (await readRange(spool, at, at + 4)).equals(signature);
  const locatorAt = end - locatorLength;
  if (await holds(locatorSignature, locatorAt)) {
    const locator = await readRange(spool, locatorAt, end);
    const at = Number(locator.readBigUInt64LE(8));
    if (await holds(end64Signature, at)) return 0;
    return (await holds(end64Signature, locatorAt - end64Length)) ? locatorAt - end64Length - at : undefined;
  }
  const [count, length, at] = [record.readUInt16LE(10), record.readUInt32LE(12), record.readUInt32LE(16)];
  if (count === 0) return at <= end ? 0 : undefined;
  if (await holds(entrySignature, at)) return 0;
  return end - length >= at && (await holds(entrySignature, end - length)) ? end - length - at : undefined;
}

/** Reads `size` bytes of a spool from `base`; the comment of the archive, which is nobody's interest, has no length in it. */
class ViewReader extends RandomAccessReader {
  constructor(
    private readonly spool: Spool,
    private readonly base: number,
    private readonly size: number,
  ) {
    super();
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.#range(position, position + length).then(
      (bytes) => {
        bytes.copy(buffer, offset);
        callback(null);
      },
      (error: unknown) => {
        callback(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  override _readStreamForRange(start: number, end: number): Readable {
    const range = (from: number, to: number): Promise<Buffer> => this.#range(from, to);
    return Readable.from(
      (async function* () {
        for (let at = start; at < end; at += pieceLength) yield await range(at, Math.min(end, at + pieceLength));
      })(),
      { objectMode: false },
    );
  }

  async #range(start: number, end: number): Promise<Buffer> {
    if (end > this.size) throw new Error('it ends early');
    const bytes = await readRange(this.spool, this.base + start, this.base + end);
    const comment = this.size - 2 - start;
    if (comment + 2 > 0 && comment < bytes.length) bytes.fill(0, Math.max(0, comment));
    return bytes;
  }
}
