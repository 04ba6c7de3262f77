/** Pictures of a usual number of pixels in an unusual shape: sides of millions, strips of a row, tiny tiles, last row first. */
import { deflateSync } from 'node:zlib';
import { pngChunk } from '../../fixtures/images/png-bits.js';
import type { Makers } from './bombs.js';
import { stripTiff, writeTiff } from './tiff-writer.js';

interface PngShape {
  readonly width: number;
  readonly height: number;
  readonly interlaced?: boolean;
  /** 8 or 16 bits of RGBA. */
  readonly depth?: 8 | 16;
  readonly orientation?: number;
}

const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
/** First column and row, and the distance to the next ones, of the seven passes of Adam7. */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;
const wholePicture = [[0, 0, 1, 1]] as const;

/** Black, with exactly the data that its shape needs. */
export function blackPng({ width, height, interlaced = false, depth = 8, orientation }: PngShape): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, 6, 0, 0, interlaced ? 1 : 0], 8);
  let bytes = 0;
  for (const [left, top, across, down] of interlaced ? adam7 : wholePicture) {
    const columns = Math.ceil((width - left) / across);
    const rows = Math.ceil((height - top) / down);
    if (columns > 0 && rows > 0) bytes += rows * (1 + (columns * depth) / 2);
  }
  const exif =
    orientation === undefined
      ? []
      : [pngChunk('eXIf', writeTiff({ fields: [{ tag: 274, type: 3, values: [orientation] }] }))];
  const data = deflateSync(Buffer.alloc(bytes), { level: 1 });
  return Buffer.concat([
    signature,
    pngChunk('IHDR', header),
    ...exif,
    pngChunk('IDAT', data),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

interface TiffShape {
  readonly width: number;
  readonly height: number;
  readonly samples: 1 | 3 | 4;
  readonly bits: 8 | 16 | 32;
  readonly rowsPerStrip?: number;
  readonly tile?: { readonly width: number; readonly height: number };
  /** A field each. */
  readonly orientations?: readonly number[];
}

/** Black. */
export function blackTiff(shape: TiffShape): Buffer {
  const { width, height, samples, bits, rowsPerStrip = height, tile, orientations = [] } = shape;
  const [across, down] = tile === undefined ? [width, rowsPerStrip] : [tile.width, tile.height];
  const strip = deflateSync(Buffer.alloc((across * down * samples * bits) / 8), { level: 1 });
  const strips = Array.from({ length: Math.ceil(width / across) * Math.ceil(height / down) }, () => strip);
  const short = (tag: number, ...values: number[]) => ({ tag, type: 3, values });
  return stripTiff({
    ...{ width, height, samples, bits, compression: 8, strips, rowsPerStrip },
    ...(tile !== undefined && { tile }),
    more: [
      ...orientations.map((orientation) => short(274, orientation)),
      // Of 32 bits: floating-point numbers.
      ...(bits === 32 ? [short(339, ...Array.from({ length: samples }, () => 3))] : []),
    ],
  });
}

const long = 40_000_000;

export const shapes: Makers = {
  'png-1-wide-interlaced': () => blackPng({ width: 1, height: long, interlaced: true }),
  'png-1-high-interlaced': () => blackPng({ width: long, height: 1, interlaced: true }),
  'png-1-wide': () => blackPng({ width: 1, height: long }),
  'png-40-high-16-bits': () => blackPng({ width: 1_000_000, height: 40, depth: 16 }),
  'png-40-wide-interlaced': () => blackPng({ width: 40, height: 900_000, interlaced: true }),
  'png-turned-16-bits': () => blackPng({ width: 6300, height: 6300, depth: 16, orientation: 6 }),
  'png-turned': () => blackPng({ width: 6300, height: 6300, orientation: 6 }),
  'tiff-1-wide': () => blackTiff({ width: 1, height: long, samples: 1, bits: 8 }),
  'tiff-1-high': () => blackTiff({ width: long, height: 1, samples: 1, bits: 8 }),
  'tiff-610-high-floats': () => blackTiff({ width: 65_535, height: 610, samples: 4, bits: 32, rowsPerStrip: 1 }),
  'tiff-turned-floats': () =>
    blackTiff({ width: 6300, height: 6300, samples: 4, bits: 32, rowsPerStrip: 1, orientations: [3] }),
  'tiff-turned-floats-and-upright': () =>
    blackTiff({ width: 6300, height: 6300, samples: 4, bits: 32, rowsPerStrip: 1, orientations: [3, 1] }),
  'tiff-rows-as-strips': () => blackTiff({ width: 390, height: 100_000, samples: 3, bits: 8, rowsPerStrip: 1 }),
  'tiff-tiles-of-16': () =>
    blackTiff({ width: 5000, height: 5000, samples: 3, bits: 8, tile: { width: 16, height: 16 } }),
  'tiff-tiles-of-1': () => blackTiff({ width: 300, height: 300, samples: 3, bits: 8, tile: { width: 1, height: 1 } }),
  'tiff-tile-longer-than-wide': () =>
    blackTiff({ width: 64, height: 600_000, samples: 1, bits: 8, tile: { width: 16, height: 600_000 } }),
  'tiff-tiles-of-17-by-5': () =>
    blackTiff({ width: 900, height: 900, samples: 3, bits: 8, tile: { width: 17, height: 5 } }),
};
