/**
 * LZW as TIFF has it (TIFF 6.0, section 13): codes from their highest bit, a code longer one entry early. Data of releases
 * before 5.0 has codes from their lowest bit and is not early; libtiff knows it by its first two bytes, as here.
 */
import { damaged } from './damaged.js';

const CLEAR = 256;
const END = 257;
const FIRST = 258;
const ENTRIES = 4096;
const PIECE = 65_536;

/** The data in pieces, which lie in the same memory one after the other. Ends early where the data does. */
export function* unpackLzw(data: Uint8Array): Generator<Uint8Array> {
  const old = data[0] === 0 && ((data[1] ?? 0) & 1) === 1;
  const early = old ? 0 : 1;
  // A string is that of another entry and one byte more.
  const prefix = new Uint16Array(ENTRIES);
  const lastByte = new Uint8Array(ENTRIES);
  const firstByte = new Uint8Array(ENTRIES);
  const length = new Uint16Array(ENTRIES);
  for (let byte = 0; byte < CLEAR; byte += 1) {
    lastByte[byte] = byte;
    firstByte[byte] = byte;
    length[byte] = 1;
  }
  const out = new Uint8Array(PIECE + ENTRIES);
  let filled = 0;
  let [next, width, previous] = [FIRST, 9, -1];
  let [window, bits, at] = [0, 0, 0];
  let cleared = false;
  for (;;) {
    while (bits < width) {
      if (at >= data.length) {
        if (filled > 0) yield out.subarray(0, filled);
        return;
      }
      const byte = data[at++] ?? 0;
      window = old ? window | (byte << bits) : ((window & 0xffff) << 8) | byte;
      bits += 8;
    }
    const mask = (1 << width) - 1;
    let code: number;
    if (old) {
      code = window & mask;
      window >>>= width;
    } else code = (window >>> (bits - width)) & mask;
    bits -= width;
    if (code === CLEAR) {
      [next, width, previous, cleared] = [FIRST, 9, -1, true];
      continue;
    }
    if (code === END) {
      if (filled > 0) yield out.subarray(0, filled);
      return;
    }
    if (!cleared) throw damaged('LZW');
    if (previous < 0) {
      if (code > 255) throw damaged('LZW');
    } else {
      if (code > next || (code === next && next >= ENTRIES)) throw damaged('LZW');
      if (next < ENTRIES) {
        prefix[next] = previous;
        lastByte[next] = firstByte[code === next ? previous : code] ?? 0;
        firstByte[next] = firstByte[previous] ?? 0;
        length[next] = (length[previous] ?? 0) + 1;
        next += 1;
        if (next >= (1 << width) - early && width < 12) width += 1;
      }
    }
    const end = filled + (length[code] ?? 0);
    for (let to = end - 1, entry = code; to >= filled; to -= 1) {
      out[to] = lastByte[entry] ?? 0;
      entry = prefix[entry] ?? 0;
    }
    filled = end;
    previous = code;
    if (filled >= PIECE) {
      yield out.subarray(0, filled);
      filled = 0;
    }
  }
}
