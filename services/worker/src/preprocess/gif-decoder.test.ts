import { ImageError, inspectImage } from '@quintet/images';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeImage } from '../../../../test/fixtures/images/index.js';
import { decodeGif } from './gif-decoder.js';

const colours = [
  [10, 20, 30],
  [40, 50, 60],
  [200, 0, 0],
  [0, 99, 0],
] as const;
const [zero, one, two, three] = colours;

/** Pixels as literal codes, the table cleared so often that codes never grow. */
function lzw(pixels: readonly number[], literalBits = 2): number[] {
  const clear = 1 << literalBits;
  const codes = pixels.flatMap((pixel, i) => (i % (clear - 2) === 0 ? [clear, pixel] : [pixel]));
  const bits = [...codes, clear + 1].flatMap((code) =>
    Array.from({ length: literalBits + 1 }, (_bit, i) => (code >> i) & 1),
  );
  const bytes = Array.from({ length: Math.ceil(bits.length / 8) }, () => 0);
  bits.forEach((bit, i) => (bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (bit << (i & 7))));
  return bytes;
}

interface Parts {
  readonly screen: readonly [width: number, height: number];
  readonly frame: readonly [left: number, top: number, width: number, height: number];
  readonly pixels: readonly number[];
  readonly data?: readonly number[];
  readonly transparent?: number;
  readonly palette?: 'of the file' | 'of the frame' | 'none';
  readonly interlaced?: boolean;
  /** Between the screen and the frame. */
  readonly before?: readonly number[];
  /** In place of the trailer. */
  readonly behind?: readonly number[];
}

function gif(parts: Parts): Buffer {
  const { screen, frame, pixels, palette = 'of the file', interlaced = false, transparent } = parts;
  const [before, behind] = [parts.before ?? [], parts.behind ?? [0x3b]];
  const pair = (value: number): number[] => [value & 255, value >> 8];
  const table = colours.flat();
  const own = palette === 'of the frame';
  const data = parts.data ?? lzw(pixels);
  return Buffer.from([
    ...Buffer.from('GIF89a'),
    ...screen.flatMap(pair),
    ...(palette === 'of the file' ? [0x81, 3, 0, ...table] : [0x01, 3, 0]),
    ...before,
    ...(transparent === undefined ? [] : [0x21, 0xf9, 4, 1, 0, 0, transparent, 0]),
    ...[0x2c, ...frame.flatMap(pair), (own ? 0x81 : 0) | (interlaced ? 0x40 : 0), ...(own ? table : [])],
    ...[2, data.length, ...data, 0, ...behind],
  ]);
}

function pixelsOf(bytes: Buffer): number[][] {
  const info = inspectImage(bytes, { maxPixels: 10_000 });
  const { data, width, height } = decodeGif(bytes);
  expect({ width, height }).toEqual({ width: info.width, height: info.height });
  return Array.from({ length: width * height }, (_value, i) => [...data.subarray(3 * i, 3 * i + 3)]);
}

function codeOf(bytes: Buffer): string {
  try {
    pixelsOf(bytes);
    return 'accepted';
  } catch (error) {
    return error instanceof ImageError ? error.code : String(error);
  }
}

const whole = { screen: [2, 2], frame: [0, 0, 2, 2], pixels: [0, 1, 2, 3] } as const;
const right = [zero, one, two, three];
const comment = [0x21, 0xfe, 1, 65, 0];

describe('the first frame of a GIF', () => {
  it('is read with the palette of the file or its own; without one, its indexes are greys', () => {
    expect(pixelsOf(gif(whole))).toEqual(right);
    expect(pixelsOf(gif({ ...whole, palette: 'of the frame' }))).toEqual(right);
    expect(pixelsOf(gif({ ...whole, palette: 'none' }))).toEqual([0, 1, 2, 3].map((grey) => [grey, grey, grey]));
  });

  it('ignores transparency', () => {
    expect(pixelsOf(gif({ ...whole, transparent: 2 }))).toEqual(right);
  });

  it('is surrounded by the transparent colour, else by the first, whatever the background is', () => {
    const smaller = { ...whole, screen: [3, 2], frame: [1, 1, 2, 1], pixels: [1, 3] } as const;
    expect(pixelsOf(gif(smaller))).toEqual([zero, zero, zero, zero, one, three]);
    expect(pixelsOf(gif({ ...smaller, transparent: 2 }))).toEqual([two, two, two, two, one, three]);
  });

  it('makes the screen larger, also one of no size', () => {
    const [r, g, b, c] = right;
    expect(pixelsOf(gif({ ...whole, screen: [1, 1], frame: [1, 0, 2, 2] }))).toEqual([zero, r, g, zero, b, c]);
    expect(pixelsOf(gif({ ...whole, screen: [0, 0] }))).toEqual(right);
  });

  it('may be interlaced', () => {
    const column = { ...whole, screen: [1, 9], frame: [0, 0, 1, 9], interlaced: true } as const;
    // Rows 0 and 8, then 4, then 2 and 6, then the odd ones.
    const pixels = [0, 0, 1, 2, 2, 3, 3, 3, 3];
    expect(pixelsOf(gif({ ...column, pixels }))).toEqual([zero, three, two, three, one, three, two, three, zero]);
  });
});

describe('a GIF that others show', () => {
  it.each<[string, Partial<Parts>]>([
    ['without a trailer', { behind: [] }],
    ['with zeros before its trailer', { behind: [0, 0, 0, 0x3b] }],
    ['with other bytes behind its frame', { behind: [1, 2, 3, 0x3b] }],
    ['with bytes behind its trailer', { behind: [0x3b, 1, 2, 3] }],
    ['with zeros before its frame', { before: [0, 0, 0] }],
    ['with other bytes between its blocks', { before: [...comment, 1, 2, ...comment, 3] }],
    ['cut in a comment behind its frame', { behind: [0x21, 0xfe, 200, 65] }],
    ['cut in its second frame', { behind: [0x2c, 0, 0, 0, 0, 2, 0, 2] }],
  ])('%s', (_name, change) => {
    expect(pixelsOf(gif({ ...whole, ...change }))).toEqual(right);
  });

  it('without the end of its data', () => {
    expect(pixelsOf(gif({ ...whole, behind: [] }).subarray(0, -1))).toEqual(right);
    expect(pixelsOf(gif({ ...whole, data: [...lzw([0, 1, 2, 3, 0, 0, 0])] }))).toEqual(right);
  });
});

describe('a GIF whose first frame lacks pixels', () => {
  it('is refused, wherever its data end', async () => {
    expect(codeOf(gif({ ...whole, pixels: [0, 1, 2] }))).toBe('image_undecodable');
    expect(codeOf(gif({ ...whole, data: [] }))).toBe('image_undecodable');
    expect(codeOf(gif({ ...whole, data: lzw([0, 1, 2, 3]).slice(0, 1) }))).toBe('image_undecodable');
    const bytes = await makeImage({ format: 'gif', width: 64, height: 48 });
    // Up to its last code: behind that are the end of the data and the trailer.
    for (let length = 0; length < bytes.length - 6; length += 1) {
      expect({ length, code: codeOf(bytes.subarray(0, length)) }).not.toMatchObject({ code: 'accepted' });
    }
  });

  it('is refused where its data are damaged, or where it has none', () => {
    expect(codeOf(gif({ ...whole, data: [0xff, 0xff, 0xff] }))).toBe('image_undecodable');
    expect(codeOf(gif({ ...whole, frame: [0, 0, 0, 2] }))).toBe('image_dimensions_invalid');
    expect(codeOf(gif({ ...whole, before: [0x3b] }))).toBe('image_undecodable');
  });
});

describe('any GIF', () => {
  it('has the pixels that were put into it', () => {
    const side = fc.integer({ min: 1, max: 12 });
    const pixels = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 144, maxLength: 144 });
    fc.assert(
      fc.property(side, side, pixels, (width, height, all) => {
        const own = all.slice(0, width * height);
        const bytes = gif({ screen: [width, height], frame: [0, 0, width, height], pixels: own });
        expect(pixelsOf(bytes)).toEqual(own.map((index) => [...(colours[index] ?? [])]));
      }),
    );
  });

  it('is a picture or an ImageError, whatever its data are', () => {
    const data = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 255 });
    fc.assert(
      fc.property(data, fc.nat(3), (bytes, change) => {
        const made = gif({ ...whole, screen: [20, 20], frame: [0, 0, 20, 20], data: bytes });
        const size = made.length - bytes.length - 4;
        made[size] = 2 + 3 * change;
        expect(codeOf(made)).toMatch(/^(accepted|image_(undecodable|truncated))$/);
      }),
    );
  });
});
