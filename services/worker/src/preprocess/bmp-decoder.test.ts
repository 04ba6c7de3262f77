import { ImageError, inspectImage } from '@quintet/images';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBmp } from './bmp-decoder.js';

interface Parts {
  readonly depth: number;
  readonly width: number;
  readonly height: number;
  readonly data: readonly number[];
  /** Red, green, blue of each. */
  readonly palette?: readonly (readonly [number, number, number])[];
  /** Colours that the header claims. */
  readonly colours?: number;
  readonly compression?: number;
  readonly masks?: readonly number[];
  readonly headerSize?: number;
  /** Where the file header says that the pixels are, from where they are. */
  readonly offsetBy?: (at: number) => number;
}

function bmp(parts: Parts): Buffer {
  const { depth, width, height, data, palette = [], colours = 0, compression = 0, masks = [], headerSize = 40 } = parts;
  const core = headerSize === 12;
  const masksBehind = headerSize < 52 ? masks : [];
  const table = palette.flatMap(([red, green, blue]) => [blue, green, red, ...(core ? [] : [0])]);
  const pixelsAt = 14 + headerSize + 4 * masksBehind.length + table.length;
  const head = Buffer.alloc(14 + Math.max(headerSize, 40));
  head.write('BM', 0, 'latin1');
  head.writeUInt32LE(parts.offsetBy?.(pixelsAt) ?? pixelsAt, 10);
  head.writeUInt32LE(headerSize, 14);
  if (core) [width, height, 1, depth].forEach((value, i) => head.writeUInt16LE(value, 18 + 2 * i));
  else {
    head.writeInt32LE(width, 18);
    head.writeInt32LE(height, 22);
    head.writeUInt16LE(1, 26);
    head.writeUInt16LE(depth, 28);
    head.writeUInt32LE(compression, 30);
    head.writeUInt32LE(colours, 46);
    if (headerSize >= 52) masks.forEach((mask, i) => head.writeUInt32LE(mask, 54 + 4 * i));
  }
  const behind = Buffer.alloc(4 * masksBehind.length);
  masksBehind.forEach((mask, i) => behind.writeUInt32LE(mask, 4 * i));
  return Buffer.concat([head.subarray(0, 14 + headerSize), behind, Buffer.from(table), Buffer.from(data)]);
}

const limits = { maxPixels: 1000 };

/** The pixels of the whole file, as the service reads it: accepted first. */
function pixels(parts: Parts): number[][] {
  const bytes = bmp(parts);
  const info = inspectImage(bytes, limits);
  const { data, width, height } = decodeBmp(bytes);
  expect({ width, height }).toEqual({ width: info.width, height: info.height });
  return Array.from({ length: width * height }, (_value, i) => [...data.subarray(3 * i, 3 * i + 3)]);
}

const codeOf = (parts: Parts): string | undefined => {
  try {
    pixels(parts);
    return undefined;
  } catch (error) {
    return error instanceof ImageError ? error.code : String(error);
  }
};

const a = [10, 20, 30] as const;
const b = [40, 50, 60] as const;
const c = [200, 0, 0] as const;
const palette = [a, b, c] as const;
const black = [0, 0, 0];
const rle = { depth: 8, width: 4, height: 2, palette, colours: 3, compression: 1 } as const;

// Right is what Pillow 13 gives.
describe('run-length data of a BMP', () => {
  it('leave what they skip at the first colour', () => {
    expect(pixels({ ...rle, data: [2, 1, 0, 2, 1, 1, 1, 2, 0, 1] })).toEqual([a, a, a, c, b, b, a, a]);
    expect(pixels({ ...rle, data: [2, 1, 0, 2, 0, 1, 2, 2] })).toEqual([a, a, c, c, b, b, a, a]);
  });

  it('may end a row early', () => {
    expect(pixels({ ...rle, data: [2, 1, 0, 0, 2, 2, 0, 0] })).toEqual([c, c, a, a, b, b, a, a]);
  });

  it('may not end the bitmap before its last row, nor consist of ends of rows', () => {
    expect(codeOf({ ...rle, data: [4, 1, 0, 0, 0, 1] })).toBe('image_undecodable');
    expect(codeOf({ ...rle, data: Array.from({ length: 100 }, () => 0) })).toBe('image_truncated');
    expect(pixels({ ...rle, data: [0, 0, 4, 1, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1] })).toEqual([c, a, a, a, b, b, b, b]);
  });

  it('need no code for the end, may lie about their size, and may come from the top', () => {
    expect(pixels({ ...rle, data: [4, 1, 0, 0, 4, 2] })).toEqual([c, c, c, c, b, b, b, b]);
    expect(pixels({ ...rle, height: -2, data: [4, 1, 0, 0, 4, 2, 0, 1] })).toEqual([b, b, b, b, c, c, c, c]);
  });

  it('of four bits have odd rows and odd literal runs', () => {
    const rle4 = { ...rle, depth: 4, compression: 2 } as const;
    expect(pixels({ ...rle4, width: 3, data: [3, 0x12, 0, 0, 3, 0x21, 0, 0] })).toEqual([c, b, c, b, c, b]);
    expect(pixels({ ...rle4, width: 5, height: 1, data: [0, 5, 0x12, 0x01, 0x20, 0, 0, 0] })).toEqual([b, c, a, b, c]);
  });

  it('of eight bits have literal runs that fill up whole words; runs end with their row', () => {
    expect(pixels({ ...rle, width: 3, data: [0, 3, 0, 1, 2, 0, 0, 0, 200, 1] })).toEqual([b, b, b, a, b, c]);
  });

  it('that the file cuts are truncated', () => {
    expect(codeOf({ ...rle, data: [4, 1, 0, 0] })).toBe('image_truncated');
    expect(codeOf({ ...rle, data: [0, 4, 1, 1] })).toBe('image_truncated');
    expect(codeOf({ ...rle, data: [2, 1, 0, 2, 0] })).toBe('image_truncated');
  });
});

describe('the rows of a BMP', () => {
  it('are read from 1, 2, 4 and 8 bits', () => {
    const row = { width: 4, height: 1, palette } as const;
    expect(pixels({ ...row, depth: 1, colours: 2, data: [0b01010000, 0, 0, 0] })).toEqual([a, b, a, b]);
    expect(pixels({ ...row, depth: 2, colours: 3, data: [0b00011000, 0, 0, 0] })).toEqual([a, b, c, a]);
    expect(pixels({ ...row, depth: 4, colours: 3, data: [0x01, 0x20, 0, 0] })).toEqual([a, b, c, a]);
    expect(pixels({ ...row, depth: 8, colours: 3, data: [2, 1, 0, 2] })).toEqual([c, b, a, c]);
  });

  it('show a colour that the palette does not have as black', () => {
    const row = { depth: 8, width: 4, height: 1, palette, data: [0, 1, 2, 7] } as const;
    expect(pixels({ ...row, colours: 3 })).toEqual([a, b, c, black]);
    expect(pixels(row)).toEqual([a, b, c, black]);
  });

  it('begin where the file says, also within the palette; behind it where it says at once or nothing', () => {
    const row = { depth: 8, width: 4, height: 1, palette, colours: 3, data: [0, 1, 2, 0] } as const;
    expect(pixels({ ...row, offsetBy: () => 0 })).toEqual([a, b, c, a]);
    expect(pixels({ ...row, offsetBy: () => 54 })).toEqual([a, b, c, a]);
    expect(pixels({ ...row, offsetBy: (at) => at - 2 })).toEqual([black, a, a, b]);
  });

  it('scale 5 and 6 bits down, and take masks of any place', () => {
    const grey = { depth: 16, width: 1, height: 1, data: [0b01001010, 0b00101001, 0, 0] } as const;
    expect(pixels(grey)).toEqual([[82, 82, 82]]);
    expect(pixels({ ...grey, compression: 3, masks: [0xf800, 0x7e0, 0x1f] })).toEqual([[41, 40, 82]]);
    const wide = { depth: 32, width: 1, height: 1, compression: 3, data: [0xff, 0x03, 0, 0x80] } as const;
    expect(pixels({ ...wide, masks: [0x3ff, 0xffc00, 0xfff00000] })).toEqual([[255, 0, 127]]);
    expect(pixels({ ...wide, masks: [0xff000000, 0xff00, 0xff], headerSize: 108 })).toEqual([[128, 3, 255]]);
    expect(pixels({ ...wide, masks: [0, 0, 0], headerSize: 56 })).toEqual([[0, 3, 255]]);
    expect(codeOf({ ...wide, masks: [0b101, 0xff00, 0xff] })).toBe('image_undecodable');
  });

  it('need not fill up the last of them', () => {
    expect(pixels({ depth: 24, width: 1, height: 2, data: [1, 2, 3, 0, 4, 5, 6] })).toEqual([
      [6, 5, 4],
      [3, 2, 1],
    ]);
    expect(codeOf({ depth: 24, width: 1, height: 2, data: [1, 2, 3, 0, 4, 5] })).toBe('image_truncated');
  });

  it('are found behind every header', () => {
    for (const headerSize of [12, 16, 40, 52, 56, 64, 108, 124]) {
      expect(pixels({ depth: 24, width: 1, height: 1, headerSize, data: [1, 2, 3, 0] })).toEqual([[3, 2, 1]]);
    }
    const os2 = { depth: 8, width: 2, height: 1, headerSize: 12, data: [1, 2, 0, 0] } as const;
    expect(pixels({ ...os2, palette: Array.from({ length: 256 }, (_v, i) => palette[i] ?? a) })).toEqual([b, c]);
  });

  it('of a kind that is not read are named', () => {
    const row = { width: 1, height: 1, data: [0, 0, 0, 0] } as const;
    expect(codeOf({ ...row, depth: 24, compression: 4 })).toBe('image_undecodable');
    expect(codeOf({ ...row, depth: 1, compression: 3, headerSize: 64 })).toBe('image_undecodable');
    expect(codeOf({ ...row, depth: 8, compression: 1, colours: 70_000 })).toBe('image_undecodable');
  });
});

describe('any BMP', () => {
  it('has the pixels that its run lengths say, however they are cut', () => {
    const pieces = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean()), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(pieces, fc.constantFrom(4, 8), (row, depth) => {
        let next = 0;
        const index = (): number => (next = (next + 1) % 3);
        const indexes: number[] = [];
        const data = row.flatMap(([length, literal]) => {
          const own = Array.from({ length }, literal ? index : () => 2);
          indexes.push(...own);
          // Fewer than three pixels are no literal run.
          if (!literal || length < 3) return own.flatMap((each) => [1, depth === 4 ? each << 4 : each]);
          const bytes =
            depth === 8 ? own : own.flatMap((each, i) => (i % 2 === 0 ? [(each << 4) | (own[i + 1] ?? 0)] : []));
          return [0, length, ...bytes, ...(bytes.length % 2 === 0 ? [] : [0])];
        });
        const width = indexes.length;
        const made = pixels({
          ...rle,
          depth,
          compression: depth === 4 ? 2 : 1,
          width,
          height: 1,
          data: [...data, 0, 1],
        });
        expect(made).toEqual(indexes.map((each) => [...(palette[each] ?? black)]));
      }),
    );
  });

  it('is a picture or an ImageError, whatever its data are', () => {
    const bytes = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 200 });
    fc.assert(
      fc.property(bytes, fc.constantFrom(4, 8), (data, depth) => {
        const code = codeOf({ ...rle, depth, compression: depth === 4 ? 2 : 1, width: 30, height: 9, data });
        expect(code ?? 'accepted').toMatch(/^(accepted|image_(undecodable|truncated))$/);
      }),
    );
  });
});
