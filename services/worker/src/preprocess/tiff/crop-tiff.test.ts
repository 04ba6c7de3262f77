import { ImageError, inspectImage } from '@quintet/images';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noise, type Pixels, testCard } from '../../../../../test/fixtures/images/index.js';
import {
  greyOf,
  type TiffCodec,
  tiffCodecs,
  tiffParts,
  type TiffPicture,
  tiffPicture,
} from '../../../../../test/support/hostile/tiff-pictures.js';
import { headerBytes, type TiffField, writeTiff } from '../../../../../test/support/hostile/tiff-writer.js';
import { cropTiff } from './crop-tiff.js';

const limits = { maxPixels: 1_000_000, timeoutMs: 60_000 };
const side = 45;
const card = testCard(side, side);
const codecs = Object.keys(tiffCodecs) as TiffCodec[];
const exactCodecs = codecs.filter((codec) => codec !== 'jpeg');

/** A square picture as it is, without any resizing; through the check that the API makes, too. */
async function decode(bytes: Buffer): Promise<Uint8Array> {
  const { width } = inspectImage(bytes, { ...limits, maxDecodeBytes: 300_000_000 });
  const { data } = await cropTiff(bytes, { resize: width, crop: width, interpolation: 'bilinear' }, limits);
  return data;
}

async function refusal(bytes: Buffer): Promise<ImageError> {
  try {
    await decode(bytes);
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
  throw new Error('it was decoded');
}

function furthest(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? 0))), 0);
}

async function distance(
  picture: Omit<TiffPicture, 'pixels'>,
  shown: Pixels = card,
  pixels: Pixels = card,
): Promise<number> {
  return furthest(await decode(await tiffPicture({ pixels, ...picture })), shown.data);
}

const orders = [{ order: 'II' }, { order: 'MM' }, { order: 'II', big: true }, { order: 'MM', big: true }] as const;
const layouts: readonly Omit<TiffPicture, 'pixels'>[] = [
  {},
  { rowsPerStrip: 7 },
  { rowsPerStrip: 1 },
  { tile: { width: 16, height: 32 } },
  { tile: { width: 64, height: 64 } },
];

describe('TIFF', () => {
  it.each(exactCodecs)('is read in every layout and byte order: %s', async (codec) => {
    for (const layout of layouts) {
      for (const order of orders) {
        for (const planar of codec === 'webp' ? [false] : [false, true]) {
          const kind = { ...layout, ...order, planar, codec };
          expect({ ...kind, distance: await distance(kind) }).toEqual({ ...kind, distance: 0 });
        }
      }
    }
  });

  it('is read from JPEG data: YCbCr, grey, and a plane for each colour', async () => {
    for (const layout of layouts.filter(({ rowsPerStrip }) => rowsPerStrip === undefined)) {
      expect(await distance({ ...layout, codec: 'jpeg', colour: 'ycbcr' })).toBeLessThan(12);
      expect(await distance({ ...layout, codec: 'jpeg', colour: 'grey' }, greyOf(card))).toBeLessThan(12);
      expect(await distance({ ...layout, codec: 'jpeg', planar: true })).toBeLessThan(12);
    }
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('is turned upright from orientation %i', async (orientation) => {
    const pixels = noise(30, 30);
    const shown = new Uint8Array(pixels.data.length);
    for (let y = 0; y < 30; y += 1) {
      for (let x = 0; x < 30; x += 1) {
        let [sx, sy] = orientation >= 5 ? [y, x] : [x, y];
        if ([2, 3, 7, 8].includes(orientation)) sx = 29 - sx;
        if ([3, 4, 6, 7].includes(orientation)) sy = 29 - sy;
        shown.set(pixels.data.subarray(3 * (30 * sy + sx), 3 * (30 * sy + sx) + 3), 3 * (30 * y + x));
      }
    }
    for (const layout of layouts)
      expect(await distance({ ...layout, orientation }, { ...pixels, data: shown }, pixels)).toBe(0);
  });

  it('shows the middle of what is wide or high, turned or not', async () => {
    for (const [width, height] of [
      [90, 30],
      [30, 90],
    ] as const) {
      for (const orientation of [1, 6]) {
        const pixels = noise(width, height);
        const bytes = await tiffPicture({ pixels, orientation, rowsPerStrip: 8, codec: 'lzw' });
        const crop = await cropTiff(bytes, { resize: 30, crop: 30, interpolation: 'bilinear' }, limits);
        const at = (x: number, y: number): number => pixels.data[3 * (y * width + x)] ?? 0;
        const [x0, y0] = [width > 30 ? 30 : 0, height > 30 ? 30 : 0];
        expect(crop.data[0]).toBe(orientation === 1 ? at(x0, y0) : at(x0, y0 + 29));
        expect(crop.data[3]).toBe(orientation === 1 ? at(x0 + 1, y0) : at(x0, y0 + 28));
      }
    }
  });
});

describe('samples of a TIFF', () => {
  it('of 1 to 16 bits are read, of more the highest byte', async () => {
    for (const bits of [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 24, 32, 64]) {
      const most = 2 ** Math.min(8, bits) - 1;
      const shown = {
        ...card,
        data: card.data.map((value) => Math.round((Math.floor((value * most + 127) / 255) * 255) / most)),
      };
      for (const order of orders) {
        for (const planar of [false, true]) {
          const found = await distance({ bits, planar, ...order }, shown);
          expect({ bits, planar, found }).toEqual({ bits, planar, found: 0 });
        }
      }
    }
  });

  it('of grey, with white for zero, and with alpha', async () => {
    const alpha = { value: 0, premultiplied: false };
    for (const bits of [1, 4, 8, 12, 16, 32]) {
      const most = 2 ** Math.min(8, bits) - 1;
      const grey = greyOf(card);
      const shown = {
        ...card,
        data: grey.data.map((value) => Math.round((Math.floor((value * most + 127) / 255) * 255) / most)),
      };
      expect(await distance({ bits, colour: 'grey', alpha }, shown)).toBe(0);
      const inverted = { ...card, data: grey.data.map((value) => 255 - value) };
      const stored = shown.data.map(
        (_v, i) => 255 - Math.round((Math.floor(((inverted.data[i] ?? 0) * most + 127) / 255) * 255) / most),
      );
      expect(await distance({ bits, colour: 'white is zero' }, { ...card, data: stored })).toBe(0);
    }
  });

  it('are differenced by a predictor', async () => {
    for (const codec of ['lzw', 'deflate', 'zstd'] as const) {
      for (const bits of [8, 16, 32, 64]) {
        for (const order of orders) {
          for (const planar of [false, true]) {
            expect(await distance({ codec, bits, planar, predictor: 2, ...order })).toBe(0);
          }
        }
      }
      for (const bits of [16, 32, 64]) {
        for (const order of orders) {
          expect(await distance({ codec, bits, format: 'float', predictor: 3, ...order })).toBeLessThan(2);
        }
      }
    }
  });

  it('that are floating-point numbers reach from 0 to 1 or to 255, or are refused', async () => {
    for (const bits of [16, 32, 64]) {
      expect(await distance({ bits, format: 'float' })).toBeLessThan(2);
      expect(await distance({ bits, format: 'float', colour: 'grey' }, greyOf(card))).toBeLessThan(2);
    }
    expect(await distance({ bits: 32, format: 'float', unscaled: true })).toBe(0);
    const bright = { ...card, data: card.data.map((value) => (value > 200 ? 40 : 0)) };
    const highlights = await tiffPicture({
      pixels: { ...bright, data: bright.data.map((v, i) => (i === 0 ? 9 : v > 0 ? 1 : 0)) },
      bits: 32,
      format: 'float',
      unscaled: true,
    });
    expect(await refusal(highlights)).toMatchObject({ code: 'image_undecodable' });
    const field: TiffField = { tag: 339, type: 3, values: [3, 3, 3] };
    const negative = await tiffPicture({
      pixels: { ...card, data: card.data.map(() => 255) },
      bits: 32,
      more: [field],
    });
    expect(await refusal(negative)).toMatchObject({ code: 'image_undecodable' });
  });

  it('that are signed are read where none is negative', async () => {
    for (const bits of [16, 32]) {
      for (const order of orders) expect(await distance({ bits, format: 'signed', ...order })).toBeLessThan(2);
    }
    const field: TiffField = { tag: 339, type: 3, values: [2, 2, 2] };
    const negative = await tiffPicture({ pixels: card, bits: 16, more: [field] });
    expect(await refusal(negative)).toMatchObject({ code: 'image_undecodable' });
  });

  it('that are all small for their size are not black', async () => {
    for (const bits of [16, 24, 32, 64]) {
      for (const format of ['unsigned', 'signed'] as const) {
        if (format === 'signed' && bits !== 16 && bits !== 32) continue;
        expect(await distance({ bits, format, unscaled: true, colour: 'grey' }, greyOf(card))).toBe(0);
      }
    }
    expect(await distance({ bits: 32, unscaled: true })).toBe(0);
    const black = { ...card, data: new Uint8Array(card.data.length) };
    expect(await distance({ bits: 32, colour: 'grey' }, black, black)).toBe(0);
  });

  it('may have their lowest bits first', async () => {
    for (const codec of ['none', 'packbits', 'lzw', 'deflate'] as const) {
      expect(await distance({ codec, reversed: true, rowsPerStrip: 10 })).toBe(0);
    }
  });
});

describe('colours of a TIFF', () => {
  it('are CMYK of 8 and 16 bits', async () => {
    for (const bits of [8, 16, 32]) {
      for (const planar of [false, true]) expect(await distance({ colour: 'cmyk', bits, planar })).toBe(0);
    }
  });

  it('are YCbCr without JPEG, whole or subsampled', async () => {
    for (const codec of ['none', 'lzw', 'packbits', 'deflate'] as const) {
      expect(await distance({ colour: 'ycbcr', codec })).toBeLessThan(4);
    }
    const flat = { ...card, data: card.data.map((_value, i) => [200, 80, 30][i % 3] ?? 0) };
    for (const across of [1, 2, 4]) {
      for (const down of [1, 2, 4]) {
        for (const layout of [{}, { rowsPerStrip: 8 }, { tile: { width: 16, height: 32 } }]) {
          const kind = { colour: 'ycbcr', subsampling: [across, down], ...layout } as const;
          expect(await distance(kind, flat, flat)).toBeLessThan(4);
        }
      }
    }
  });

  it('are those of a palette', async () => {
    for (const bits of [1, 2, 4, 8, 16]) {
      const most = 2 ** Math.min(8, bits) - 1;
      const shown = greyOf(card).data.map((value) => Math.round((Math.floor((value * most + 127) / 255) * 255) / most));
      expect(await distance({ colour: 'palette', bits }, { ...card, data: shown })).toBeLessThan(2);
    }
    const small = Array.from({ length: 768 }, (_value, i) => i % 256);
    const more = [{ tag: 320, type: 3, values: small }];
    expect(await distance({ colour: 'palette', more }, greyOf(card))).toBe(0);
  });

  it('are as they were before alpha dimmed them, where it has', async () => {
    for (const planar of [false, true]) {
      expect(await distance({ alpha: { value: 7, premultiplied: false }, planar })).toBe(0);
      expect(await distance({ alpha: { value: 128, premultiplied: true }, planar })).toBeLessThan(3);
    }
  });

  it('are CIELab', async () => {
    // L* 53.2, a* 80, b* 67 under D65 is red; adapted to D50 it is 54.3, 80.8, 69.9.
    const [L, a, b] = [(54.3 * 255) / 100, 80.8, 69.9].map(Math.round);
    const red = { ...card, data: card.data.map((_value, i) => [L, a, b][i % 3] ?? 0) };
    const shown = { ...card, data: card.data.map((_value, i) => (i % 3 === 0 ? 255 : 0)) };
    const more = (photometric: number) => [{ tag: 262, type: 3, values: [photometric] }];
    expect(await distance({ more: more(8) }, shown, red)).toBeLessThan(6);
    const icc = { ...red, data: red.data.map((value, i) => (i % 3 === 0 ? value : value + 128)) };
    expect(await distance({ more: more(9) }, shown, icc)).toBeLessThan(6);
  });
});

describe('TIFF that cannot be decoded faithfully', () => {
  const names: Readonly<Record<number, string>> = {
    9: 'JBIG',
    32_809: 'ThunderScan',
    34_676: 'SGI LogLuv',
    34_712: 'JPEG 2000',
    34_887: 'LERC',
    34_925: 'LZMA',
    50_002: 'JPEG XL',
    12_345: 'unknown',
  };
  it.each(Object.entries(names))('is refused by the name of its codec: %s', async (code, name) => {
    for (const layout of layouts) {
      const more = [{ tag: 259, type: 3, values: [Number(code)] }];
      const { code: refused, detail } = await refusal(await tiffPicture({ pixels: card, ...layout, more }));
      expect(refused).toBe('image_undecodable');
      expect(detail).toContain(`TIFF with ${name}`);
    }
  });

  it.each([
    ['raw sensor data', 262, [32_803]],
    ['complex samples', 339, [6, 6, 6]],
    ['different kinds', 258, [8, 8, 5]],
    ['special inks', 332, [2]],
    ['predictor 3', 317, [3]],
  ])('is refused by the name of its kind: %s', async (name, tag, values) => {
    const more = [{ tag, type: 3, values }];
    const colour = name === 'special inks' ? 'cmyk' : 'rgb';
    const bytes = await tiffPicture({ pixels: card, codec: 'lzw', colour, more });
    expect(await refusal(bytes)).toMatchObject({
      code: 'image_undecodable',
      detail: expect.stringContaining(name) as string,
    });
  });

  it('is refused where one strip or tile is zeroed, cut, or was never written', async () => {
    for (const codec of codecs.filter((each) => each !== 'none')) {
      for (const layout of layouts.slice(1)) {
        const colour = codec === 'jpeg' ? 'ycbcr' : 'rgb';
        const kind = { pixels: noise(side, side), codec, colour, ...layout } as const;
        const { fields, chunks } = await tiffParts(kind);
        const index = chunks.length >> 1;
        const size = chunks[index]?.length ?? 0;
        const zeroed = chunks.map((chunk, i) => (i === index ? Buffer.alloc(size) : chunk));
        expect(await refusal(writeTiff({ fields, data: Buffer.concat(zeroed) }))).toBeInstanceOf(ImageError);
        const [offsets, sizes] = layout.tile === undefined ? [273, 279] : [324, 325];
        const changed = (tag: number, value: number): TiffField[] =>
          fields.map((each) =>
            each.tag === tag ? { ...each, values: each.values.map((v, i) => (i === index ? value : v)) } : each,
          );
        const data = Buffer.concat(chunks);
        expect(await refusal(writeTiff({ fields: changed(sizes, size >> 1), data }))).toBeInstanceOf(ImageError);
        expect((await refusal(writeTiff({ fields: changed(offsets, 0), data }))).detail).toContain('no data of');
        if (chunks.length > 1)
          expect((await refusal(writeTiff({ fields: changed(sizes, 0), data }))).detail).toContain('no data of');
      }
    }
  });

  /**
   * Uncompressed data, PackBits, LZW, JPEG, WebP and ZSTD have no checksum: what is flipped there may show, but in its own strip or
   * tile only. Deflate has one.
   */
  it('is refused or differs only where it is damaged, whatever byte of its data that is', async () => {
    const kinds = codecs.flatMap((codec) =>
      layouts
        .slice(1, 4)
        .map((layout): TiffPicture => ({ pixels: card, codec, colour: codec === 'jpeg' ? 'ycbcr' : 'rgb', ...layout })),
    );
    const made = await Promise.all(
      kinds.map(async (kind) => {
        const { fields, chunks } = await tiffParts(kind);
        const bytes = writeTiff({ fields, data: Buffer.concat(chunks) });
        return { kind, chunks, bytes, whole: await decode(Buffer.from(bytes)) };
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...made),
        fc.double({ min: 0, max: 0.9999, noNaN: true }),
        fc.integer({ min: 1, max: 255 }),
        async ({ kind, chunks, bytes, whole }, where, flipped) => {
          const damaged = Buffer.from(bytes);
          let at = Math.floor(where * chunks.reduce((sum, { length }) => sum + length, 0));
          const position = headerBytes() + at;
          damaged[position] = (damaged[position] ?? 0) ^ flipped;
          const index = chunks.findIndex(({ length }) => (at -= length) < 0);
          let found: Uint8Array;
          try {
            found = await decode(damaged);
          } catch (error) {
            if (error instanceof ImageError) return;
            throw error;
          }
          const [width, height] = [kind.tile?.width ?? side, kind.tile?.height ?? kind.rowsPerStrip ?? side];
          const across = Math.ceil(side / width);
          const [left, top] = [(index % across) * width, Math.floor(index / across) * height];
          for (let i = 0; i < found.length; i += 1) {
            if (found[i] === whole[i]) continue;
            const [x, y] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side)];
            expect(x >= left && x < left + width && y >= top && y < top + height, `${x}, ${y}`).toBe(true);
            expect(kind.codec).not.toBe('deflate');
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
