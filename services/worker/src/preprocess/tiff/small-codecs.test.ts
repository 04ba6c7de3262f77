import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lzw, packbits } from '../../../../../test/support/hostile/tiff-packers.js';
import { unpackLzw, unpackPackbits } from './small-codecs.js';

/** Pieces lie in the same memory. */
function all(pieces: Iterable<Uint8Array>): Buffer {
  const copies: Buffer[] = [];
  for (const piece of pieces) copies.push(Buffer.from(piece));
  return Buffer.concat(copies);
}

/** With runs and repetitions, as pictures have them. */
const data = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 200 })), { maxLength: 60 })
  .map((parts) => Buffer.concat(parts.flatMap(([bytes, times]) => Array.from({ length: times }, () => bytes))));

describe('small codecs', () => {
  it('unpack what has been packed', () => {
    fc.assert(
      fc.property(data, (bytes) => {
        expect(all(unpackPackbits(packbits(bytes))).equals(bytes)).toBe(true);
        expect(all(unpackLzw(lzw(bytes))).equals(bytes)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('unpack more than a table and more than a piece', () => {
    const noise = Buffer.from(Array.from({ length: 200_000 }, (_value, i) => ((i * i) >> 7) & 255));
    for (const bytes of [noise, Buffer.alloc(300_000, 7)]) {
      expect(all(unpackLzw(lzw(bytes))).equals(bytes)).toBe(true);
      expect(all(unpackPackbits(packbits(bytes))).equals(bytes)).toBe(true);
    }
  });

  it('read LZW of before TIFF 5.0, with its codes from the lowest bit', () => {
    // Clear, "A", "B", the string "AB" (258), end: 9 bits each.
    const codes = [256, 65, 66, 258, 257];
    const bits = codes.map((code) => code.toString(2).padStart(9, '0').split('').reverse().join('')).join('');
    const bytes = bits.padEnd(48, '0').match(/.{8}/g) ?? [];
    const old = Buffer.from(bytes.map((byte) => Number.parseInt(byte.split('').reverse().join(''), 2)));
    expect(all(unpackLzw(old)).toString()).toBe('ABAB');
  });

  it('refuse LZW that does not begin with an empty table, or has codes that are not in it', () => {
    const codes = (...list: number[]): Buffer =>
      Buffer.from(
        list
          .map((code) => code.toString(2).padStart(9, '0'))
          .join('')
          .padEnd(48, '0')
          .match(/.{8}/g)
          ?.map((byte) => Number.parseInt(byte, 2)) ?? [],
      );
    expect(() => all(unpackLzw(codes(65, 66, 257)))).toThrow('LZW data is damaged');
    expect(() => all(unpackLzw(codes(256, 300, 257)))).toThrow('LZW data is damaged');
    expect(() => all(unpackLzw(codes(256, 65, 260, 257)))).toThrow('LZW data is damaged');
    // A table that is never begun anew, as one whose code for it is damaged.
    const late = [...new Array<number>(12_000).fill(0x41)];
    expect(() => all(unpackLzw(Uint8Array.from([0x80, 0x20, ...late])))).toThrow('LZW data is damaged');
  });

  it('end where their data does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        all(unpackPackbits(bytes));
        try {
          all(unpackLzw(bytes));
        } catch (error) {
          expect(String(error)).toContain('LZW data is damaged');
        }
      }),
    );
  });
});
