import { describe, expect, it } from 'vitest';
import { noise } from '../../../test/fixtures/images/index.js';
import { tiffParts, type TiffPicture, tiffPicture } from '../../../test/support/hostile/tiff-pictures.js';
import { type TiffField, type TiffOptions, writeTiff } from '../../../test/support/hostile/tiff-writer.js';
import { codeUnder } from './code-under.test-support.js';
import { inspectImage } from './index.js';

const limits = { maxPixels: 40_000_000 };
const pixels = noise(24, 20);
const orders = [{ order: 'II' }, { order: 'MM' }, { order: 'II', big: true }, { order: 'MM', big: true }] as const;
const text = (words: string): number[] => [...Buffer.from(`${words}\0`)];

const codeOf = (bytes: Buffer): string => codeUnder(bytes, limits);

/** The codes of one kind in every byte order, one for all. */
async function codes(picture: Omit<TiffPicture, 'pixels'>): Promise<string> {
  const all = await Promise.all(
    orders.map(async (order) => codeOf(await tiffPicture({ pixels, rowsPerStrip: 6, ...picture, ...order }))),
  );
  return [...new Set(all)].join(', ');
}

/** A file of two pages. */
async function twoPages(second: readonly TiffField[], order: Pick<TiffOptions, 'order' | 'big'>): Promise<Buffer> {
  const { fields, chunks } = await tiffParts({ pixels, ...order });
  const first = (next: number): Buffer => writeTiff({ fields, data: Buffer.concat(chunks), next, ...order });
  const at = first(0).length + (first(0).length & 1);
  const shared = fields.filter(({ tag }) => !second.some((field) => field.tag === tag));
  const page = writeTiff({ fields: [...shared, ...second].sort((a, b) => a.tag - b.tag), at, ...order });
  return Buffer.concat([first(at), Buffer.alloc(at - first(0).length), page]);
}

describe('a TIFF that others read', () => {
  it.each<[string, TiffField]>([
    ['of type 0', { tag: 65_000, type: 0, values: [], count: 1 }],
    ['of an unknown type', { tag: 65_000, type: 77, values: [], count: 9 }],
    ['of an unknown type that is known otherwise', { tag: 305, type: 99, values: [], count: 3 }],
    ['whose text lies outside of the file', { tag: 315, type: 2, values: text('long enough'), offset: 9_000_000 }],
    ['that is larger than the file', { tag: 700, type: 1, values: text('long enough'), count: 4_000_000_000 }],
    ['that is empty', { tag: 306, type: 2, values: [], count: 0 }],
    ['that comes twice', { tag: 257, type: 4, values: [7] }],
  ])('may have a field %s', async (_name, field) => {
    for (const order of orders) {
      const { fields, chunks } = await tiffParts({ pixels, ...order });
      const bytes = writeTiff({ fields: [...fields, field], data: Buffer.concat(chunks), ...order });
      expect(inspectImage(bytes, limits)).toMatchObject({ width: 24, height: 20 });
    }
  });

  it('may end with its last field, without the pointer to a next page, or with a part of it', async () => {
    expect(await codes({ next: 'missing' })).toBe('accepted');
    for (const order of orders) {
      const bytes = await tiffPicture({ pixels, ...order, next: 'missing' });
      expect(codeOf(Buffer.concat([bytes, Buffer.alloc(3)]))).toBe('accepted');
      expect(codeOf(bytes.subarray(0, -1))).toBe('image_truncated');
    }
  });

  it('may point at a next page that is none, or at one that has been', async () => {
    expect(await codes({ next: 9_000_000 })).toBe('accepted');
    expect(await codes({ next: 3 })).toBe('accepted');
    const { fields, chunks } = await tiffParts({ pixels });
    const circle = writeTiff({ fields, data: Buffer.concat(chunks), next: 'self' });
    expect(inspectImage(circle, limits).frames).toBe(1);
  });

  it('may have sizes of uncompressed strips that are missing, zero, or wrong', async () => {
    for (const rowsPerStrip of [6, 20]) {
      const count = Math.ceil(20 / rowsPerStrip);
      for (const size of [0, 1, 4_000_000_000]) {
        const more = [{ tag: 279, type: 4, values: Array.from({ length: count }, () => size) }];
        expect(await codes({ rowsPerStrip, more })).toBe('accepted');
      }
      for (const order of orders) {
        const { fields, chunks } = await tiffParts({ pixels, rowsPerStrip, ...order });
        const some = fields.filter(({ tag }) => tag !== 279);
        expect(codeOf(writeTiff({ fields: some, data: Buffer.concat(chunks), ...order }))).toBe('accepted');
      }
    }
  });

  it('may lack the size of a single compressed strip, but not of one of several', async () => {
    for (const codec of ['lzw', 'deflate', 'packbits'] as const) {
      expect(await codes({ codec, rowsPerStrip: 20, more: [{ tag: 279, type: 4, values: [0] }] })).toBe('accepted');
      const zeros = [{ tag: 279, type: 4, values: [0, 0, 0, 0] }];
      expect(await codes({ codec, more: zeros })).toBe('image_undecodable');
    }
  });

  it('may have its numbers in any whole type, and more bits than samples', async () => {
    expect(await codes({ more: [{ tag: 257, type: 3, values: [20] }] })).toBe('accepted');
    expect(await codes({ more: [{ tag: 259, type: 4, values: [1] }] })).toBe('accepted');
    expect(await codes({ more: [{ tag: 258, type: 3, values: [8] }] })).toBe('accepted');
    expect(await codes({ more: [{ tag: 258, type: 3, values: [8, 8, 8, 8, 8] }] })).toBe('accepted');
  });
});

describe('what a TIFF holds besides its first picture', () => {
  const xml = text('<?xml version="1.0"?><svg/>');

  it('is part of it, whatever the descriptions of other pages begin with', async () => {
    for (const order of orders) {
      for (const tag of [270, 700, 65_000]) {
        const bytes = await twoPages([{ tag, type: tag === 270 ? 2 : 1, values: xml }], order);
        expect(inspectImage(bytes, limits).frames).toBe(2);
      }
    }
  });

  it('is part of it in directories below, too', async () => {
    for (const order of orders) {
      for (const tag of [330, 34_665]) {
        const { fields, chunks } = await tiffParts({ pixels, ...order });
        const first = (at: number): Buffer =>
          writeTiff({ fields: [...fields, { tag, type: 4, values: [at] }], data: Buffer.concat(chunks), ...order });
        const at = first(0).length + (first(0).length & 1);
        const below = writeTiff({ fields: [{ tag: 37_510, type: 7, values: xml }], at, ...order });
        expect(codeOf(Buffer.concat([first(at), Buffer.alloc(at - first(0).length), below]))).toBe('accepted');
      }
    }
  });

  it('is no part of it where no page holds it', async () => {
    for (const order of orders) {
      const bytes = await twoPages([{ tag: 270, type: 2, values: xml }], order);
      expect(codeOf(Buffer.concat([bytes, Buffer.from(xml)]))).toBe('image_polyglot');
    }
  });

  it('costs little, however many pages share one long table', async () => {
    const table = Array.from({ length: 60_000 }, () => 8);
    const { fields, chunks } = await tiffParts({ pixels });
    const data = Buffer.concat(chunks);
    const pages: Buffer[] = [];
    const first = (next: number): Buffer => writeTiff({ fields, data, next });
    const tableAt = first(0).length + (first(0).length & 1);
    const words = Buffer.alloc(4 * table.length);
    table.forEach((value, i) => words.writeUInt32LE(value, 4 * i));
    let at = tableAt + words.length;
    for (let page = 0; page < 4000; page += 1) {
      const shared = [273, 279].map((tag) => ({ tag, type: 4, values: [], count: table.length, offset: tableAt }));
      const make = (next: number): Buffer => writeTiff({ fields: shared, at, next });
      const length = make(0).length;
      pages.push(make(page < 3999 ? at + length : 0));
      at += length;
    }
    const start = first(tableAt + words.length);
    const bytes = Buffer.concat([start, Buffer.alloc(tableAt - start.length), words, ...pages]);
    // Entry by entry these tables would be 480 million parts, for which no file is allowed.
    expect(inspectImage(bytes, limits).frames).toBe(4001);
  });
});

describe('a TIFF whose picture is not whole', () => {
  it('is truncated where a strip or tile leaves the file', async () => {
    for (const codec of ['none', 'lzw', 'jpeg'] as const) {
      for (const layout of [{}, { tile: { width: 16, height: 16 } }]) {
        const count = layout.tile === undefined ? 4 : 4;
        const values = Array.from({ length: count }, (_value, i) => (i === count - 1 ? 9_000_000 : 8));
        const more = [{ tag: layout.tile === undefined ? 273 : 324, type: 4, values }];
        expect(await codes({ codec, ...layout, more })).toBe('image_truncated');
      }
    }
  });

  it('is undecodable where a strip or tile was never written', async () => {
    for (const layout of [{}, { tile: { width: 16, height: 16 } }]) {
      const more = [{ tag: layout.tile === undefined ? 273 : 324, type: 4, values: [8, 0, 8, 8] }];
      expect(await codes({ ...layout, more })).toBe('image_undecodable');
    }
  });

  it('is undecodable where it does not say what it is', async () => {
    for (const tag of [256, 257, 322]) {
      const more = [{ tag, type: 2, values: text('x') }];
      expect(await codes({ tile: { width: 16, height: 16 }, more })).toBe('image_undecodable');
    }
    expect(await codes({ more: [{ tag: 284, type: 3, values: [3] }] })).toBe('image_undecodable');
    expect(await codes({ more: [{ tag: 259, type: 99, values: [], count: 1 }] })).toBe('image_undecodable');
  });
});
