/** Fax data that libtiff wrote, by way of Pillow 13: 1900 × 6 pixels in runs of every length. */
import { inflateSync } from 'node:zlib';
import { ImageError } from '@quintet/images';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FaxLayout, unpackFax } from './fax.js';

const width = 1900;
const rows = 6;
const lineBytes = Math.ceil(width / 8);
/** As bits. */
const pixels = inflateSync(
  Buffer.from(
    'eNr7/5+O4AADBDD///+AgTzADzPrB5BTD2Y9YGBBEscHPuCS+FePzPtBhFH34az5FPhWgDq+/U2ab6kJiI44eVrYDgwWGZgFcEFYXP4DYnt8ut' +
      '+Tat198n37E7epf/7/syfXt38wUgq1A5hopYepaG0DWnDS07f3SfItWhrCEZH9cNZ+LKkO3bcAbFBcDg==',
    'base64',
  ),
);

const plain = { width, rows, twoDimensional: false } as const;
const written: Readonly<Record<string, readonly [layout: FaxLayout, base64: string]>> = {
  'Group 3': [
    { ...plain, kind: 'group 3' },
    'ABNQJobW7DYyDgeIYBSToGC2DYACahkjcDwVIBbDKHA8HcMke7DYuapuageIYBSToGB4LA4ZAKwAJqBMBqNkASg2gcZgAmoHijgeQ4F3DJBtHA' +
      '0IczZAZARwyQUOGIBbBTBxmACagzb4CUCwgDMJYG0MvaUACagzb4CUCwgMocFsFewWhwPAkcMgCeAPBBwYHDIBNpQ=',
  ],
  'Group 3, two-dimensional': [
    { ...plain, kind: 'group 3', twoDimensional: true },
    'ABmoE0NrdhsZBwPEMApJ0DBbBsABSGSNyB4KkEFsMocgeDvyuar+QPBYHgAzUCYDUbIAlBtA4zABSB4o5A8hyBdyGSDaOQNCHyGQEchkgochiP' +
      'ABmoM2+AlAsIAzCWBtDL2lAAvkMofILQ5A8CRyGQBPBA8EHIMD4A==',
  ],
  'Group 3, lines ending at bytes': [
    { ...plain, kind: 'group 3' },
    'AAE1AmhtbsNjIOB4hgFJOgYLYNgAATUMkbgeCpALYZQ4Hg7hkj3YbFzVNzUDxDAKSdAwPBYHDIBWAAE1AmA1GyAJQbQOMwABNQPFHA8hwLuGSD' +
      'aOBoQ5myAyAjhkgocMQC2CmDjMAAE1Bm3wEoFhAGYSwNoZe0oAATUGbfASgWEBlDgtgr2C0OB4EjhkATwB4IODA4ZAJtKA',
  ],
  'Group 4': [
    { ...plain, kind: 'group 4' },
    'JqBNDaO7DYWQcDxCYBSKdEGC2DZIZI3IHgqQQWwyhyB4O/K5qv5A8FgfEREgeC0bIERESB4KAZjOQPFHIHkOQLuQyQbRyBoQ+QyAjkMkFDkMR8' +
      'gzb4RESGkggZhLERILYY2lfIZQ+QWhyB4EjkMgCeCB4IOQYHwAQAQ=',
  ],
  'run lengths': [
    { ...plain, kind: { align: 8 } },
    'NQJobW7DYyDgeIYBSToGC2DYNQyRuB4KkAthlDgeDuGSPdhsXNU3NQPEMApJ0DA8FgcMgFY1AmA1GyAJQbQOMzUDxRwPIcC7hkg2jgaEOZsgMg' +
      'I4ZIKHDEAtgpg4zDUGbfASgWEAZhLA2hl7SjUGbfASgWEBlDgtgr2C0OB4EjhkATwB4IODA4ZAJtKA',
  ],
};
const names = Object.keys(written);

function read(name: string, change: (data: Buffer) => Buffer = (data) => data): Buffer {
  const [layout, base64] = written[name] ?? [];
  if (layout === undefined || base64 === undefined) throw new Error(`no fax ${name}`);
  const lines: Buffer[] = [];
  // They lie in the same memory.
  for (const line of unpackFax(change(Buffer.from(base64, 'base64')), layout)) lines.push(Buffer.from(line));
  return Buffer.concat(lines);
}

function rowsWithout(bits: Buffer): Buffer {
  // The last bits of a line are no pixels.
  return Buffer.from(bits.map((byte, i) => (i % lineBytes === lineBytes - 1 ? byte & 0xf0 : byte)));
}

describe('fax data', () => {
  it.each(names)('is read as libtiff wrote it: %s', (name) => {
    expect(rowsWithout(read(name)).equals(rowsWithout(pixels))).toBe(true);
  });

  it.each(names)('has fewer lines where it is cut: %s', (name) => {
    const all = read(name).length;
    const some = (data: Buffer): Buffer => data.subarray(0, data.length >> 1);
    let length = 0;
    try {
      length = read(name, some).length;
    } catch (error) {
      expect(error).toBeInstanceOf(ImageError);
    }
    expect(length).toBeLessThan(all);
  });

  it("has lines of the picture's width or is refused, whatever is damaged", () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), fc.integer({ min: 1, max: 255 }), (name, where, flipped) => {
        try {
          const lines = read(name, (data) => {
            const at = where % data.length;
            data[at] = (data[at] ?? 0) ^ flipped;
            return data;
          });
          expect(lines.length % lineBytes).toBe(0);
        } catch (error) {
          expect(error).toBeInstanceOf(ImageError);
        }
      }),
    );
  });
});
