import { tooComplex, truncated } from './image-info.js';

/**
 * Most parts that are read of a file, whatever its format calls them: boxes, chunks, segments, blocks, strips, entries of
 * tables. A part takes up to 0.15 microseconds and can be 1 byte long: a file of 32 MB that is full of them would hold the event
 * loop for a second. Long GIFs have the most, a block for each 255 bytes; photos have a few hundred.
 */
const FEWEST_ALLOWED = 131_072;
const BYTES_FOR_ONE_MORE = 128;

/**
 * Bounded reads at absolute offsets. A read that leaves the file throws `image_truncated`, so a walker that follows a
 * length from the file can neither read out of bounds nor has to check before each read. Allocates nothing.
 */
export class ByteReader {
  readonly length: number;
  #partsLeft: number;

  constructor(readonly buffer: Buffer) {
    this.length = buffer.length;
    this.#partsLeft = FEWEST_ALLOWED + Math.floor(buffer.length / BYTES_FOR_ONE_MORE);
  }

  /** Walkers call this for each part that they come to. Throws `image_too_complex` at the one that is too many. */
  countPart(): void {
    this.#partsLeft -= 1;
    if (this.#partsLeft < 0) {
      throw tooComplex(`The file has too many parts for its ${this.length} bytes.`);
    }
  }

  /** Throws unless the file holds `count` bytes at `at`. Safe for any number, also those past 2^32. */
  need(at: number, count: number, what: string | (() => string) = 'data'): void {
    if (!(at >= 0 && count >= 0 && at + count <= this.length)) {
      const name = typeof what === 'string' ? what : what();
      throw truncated(`The file ends before its ${name}: ${this.length} bytes are there.`);
    }
  }

  u8(at: number): number {
    this.need(at, 1);
    return this.buffer.readUInt8(at);
  }

  u16be(at: number): number {
    this.need(at, 2);
    return this.buffer.readUInt16BE(at);
  }

  u16le(at: number): number {
    this.need(at, 2);
    return this.buffer.readUInt16LE(at);
  }

  u24le(at: number): number {
    this.need(at, 3);
    return this.buffer.readUIntLE(at, 3);
  }

  u32be(at: number): number {
    this.need(at, 4);
    return this.buffer.readUInt32BE(at);
  }

  u32le(at: number): number {
    this.need(at, 4);
    return this.buffer.readUInt32LE(at);
  }

  i32le(at: number): number {
    this.need(at, 4);
    return this.buffer.readInt32LE(at);
  }

  /** 64 bits as a number: past 2^53 it is inexact, and far beyond any file, which is all a bound check needs. */
  u64be(at: number): number {
    return this.u32be(at) * 0x1_0000_0000 + this.u32be(at + 4);
  }

  u64le(at: number): number {
    return this.u32le(at + 4) * 0x1_0000_0000 + this.u32le(at);
  }

  /** Whether the bytes at `at` are this latin-1 text. False, not an error, where the file is too short. */
  matches(at: number, text: string): boolean {
    if (at < 0 || at + text.length > this.length) return false;
    for (let i = 0; i < text.length; i += 1) {
      if (this.buffer[at + i] !== text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** A four-character code. */
  fourcc(at: number): string {
    const code = this.u32be(at);
    // A third of what Buffer.toString takes, and a file can hold very many.
    return String.fromCharCode(code >>> 24, (code >>> 16) & 255, (code >>> 8) & 255, code & 255);
  }
}
