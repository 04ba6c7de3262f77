/**
 * Codecs of TIFF that yield pieces, which lie in the same memory one after the other, and end early where the data
 * does.
 */
import { damaged } from '../decode-error.js';

/** PackBits (TIFF 6.0, section 9). */
export function* unpackPackbits(data: Uint8Array): Generator<Uint8Array> {
  const out = new Uint8Array(65_536 + 128);
  let filled = 0;
  for (let at = 0; at < data.length;) {
    const head = data[at++] ?? 0;
    if (head === 128) continue;
    if (head < 128) {
      const bytes = data.subarray(at, at + head + 1);
      out.set(bytes, filled);
      filled += bytes.length;
      at += bytes.length;
    } else {
      if (at >= data.length) break;
      out.fill(data[at++] ?? 0, filled, filled + 257 - head);
      filled += 257 - head;
    }
    if (filled >= 65_536) {
      yield out.subarray(0, filled);
      filled = 0;
    }
  }
  if (filled > 0) yield out.subarray(0, filled);
}

const CLEAR = 256;
const END = 257;
const FIRST = 258;
const ENTRIES = 4096;
/** Writers begin a new table in time; libtiff bears with those that are late by a quarter of one. */
const LATEST = ENTRIES + 1023;
const PIECE = 65_536;

/**
 * LZW as TIFF has it (TIFF 6.0, section 13): codes from their highest bit, a code longer one entry early. Data of releases
 * before 5.0 has codes from their lowest bit and is not early; libtiff knows it by its first two bytes, as here.
 */
export function* unpackLzw(data: Uint8Array): Generator<Uint8Array> {
  const unpacker = new Unpacker(data);
  while (!unpacker.isAtEnd) {
    const piece = unpacker.next();
    if (piece.length > 0) yield piece;
  }
}

/** Not the generator itself, in which the loop takes half as long again. */
class Unpacker {
  isAtEnd = false;
  readonly #data: Uint8Array;
  readonly #out = new Uint8Array(PIECE + ENTRIES);
  readonly #isOld: boolean;
  /** Of each entry: the entry that it is longer than by one byte, times 256, and that byte. */
  readonly #links = new Uint32Array(ENTRIES);
  readonly #firstBytes = new Uint8Array(ENTRIES);
  readonly #lengths = new Uint16Array(ENTRIES);
  #cleared = false;
  #at = 0;
  #window = 0;
  #bits = 0;
  #entry = FIRST;
  #width = 9;
  #previous = -1;

  constructor(data: Uint8Array) {
    this.#data = data;
    this.#isOld = data[0] === 0 && ((data[1] ?? 0) & 1) === 1;
    for (let byte = 0; byte < CLEAR; byte += 1) {
      this.#links[byte] = byte;
      this.#firstBytes[byte] = byte;
      this.#lengths[byte] = 1;
    }
  }

  /** Up to a piece of what comes next. */
  next(): Uint8Array {
    const data = this.#data;
    const out = this.#out;
    const links = this.#links;
    const firstBytes = this.#firstBytes;
    const lengths = this.#lengths;
    const old = this.#isOld;
    const early = old ? 0 : 1;
    let at = this.#at;
    let window = this.#window;
    let bits = this.#bits;
    let next = this.#entry;
    let width = this.#width;
    let previous = this.#previous;
    let filled = 0;
    while (filled < PIECE) {
      while (bits < width && at < data.length) {
        const byte = data[at++] ?? 0;
        window = old ? window | (byte << bits) : ((window & 0xffff) << 8) | byte;
        bits += 8;
      }
      const mask = (1 << width) - 1;
      const code = bits < width ? END : (old ? window : window >>> (bits - width)) & mask;
      if (code === END) {
        this.isAtEnd = true;
        break;
      }
      if (old) window >>>= width;
      bits -= width;
      if (code === CLEAR) {
        [next, width, previous] = [FIRST, 9, -1];
        this.#cleared = true;
        continue;
      }
      if (previous < 0) {
        if (!this.#cleared || code > 255) throw damaged('LZW');
      } else {
        if (code > next) throw damaged('LZW');
        if (next < ENTRIES) {
          links[next] = (previous << 8) | (firstBytes[code === next ? previous : code] ?? 0);
          firstBytes[next] = firstBytes[previous] ?? 0;
          lengths[next] = (lengths[previous] ?? 0) + 1;
        } else if (next >= LATEST) {
          throw damaged('LZW');
        }
        next += 1;
        if (next >= (1 << width) - early && width < 12) width += 1;
      }
      const end = filled + (lengths[code] ?? 0);
      for (let to = end - 1, entry = code; to >= filled; to -= 1) {
        const link = links[entry] ?? 0;
        out[to] = link;
        entry = link >>> 8;
      }
      filled = end;
      previous = code;
    }
    this.#at = at;
    this.#window = window;
    this.#bits = bits;
    this.#entry = next;
    this.#width = width;
    this.#previous = previous;
    return out.subarray(0, filled);
  }
}
