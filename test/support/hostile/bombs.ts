/** Small files that ask for far more than they are: pixels, memory or time. Each is well-formed as far as it goes. */
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import {
  jpegWithScans,
  makeImage,
  type MakeImageOptions,
  noise,
  pngBomb,
  pngClaiming,
  testCard,
} from '../../fixtures/images/index.js';
import { encodeHeic } from '../../fixtures/images/heic-photo.js';
import { pngChunk } from '../../fixtures/images/png-bits.js';
import { heifGrid } from './heif-grid.js';
import { stripTiff } from './tiff-writer.js';

export type Made = Buffer | Promise<Buffer>;
export type Makers = Readonly<Record<string, () => Made>>;

const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/** Any PNG header over zeros; `extra` chunks go before the data. */
function png(
  width: number,
  height: number,
  depth: number,
  colour: number,
  interlaced: boolean,
  extra: Buffer[] = [],
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colour, 0, 0, interlaced ? 1 : 0], 8);
  const samples = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[colour] ?? 1;
  // Interlacing adds at most one filter byte for each row of each of seven passes.
  const bytes = Math.ceil((width * depth * samples) / 8) * height + height * (interlaced ? 16 : 1) + 64;
  const data = pngChunk('IDAT', deflateSync(Buffer.alloc(bytes), { level: 1 }));
  return Buffer.concat([signature, pngChunk('IHDR', header), ...extra, data, pngChunk('IEND', Buffer.alloc(0))]);
}

/** For Array.from: the same piece again and again. */
const repeat =
  <T>(piece: T) =>
  (): T =>
    piece;

/** A compressed text chunk that unpacks to `megabytes`. */
function textBomb(megabytes: number): Buffer {
  const packed = deflateSync(Buffer.alloc(megabytes * 1e6, 0x41), { level: 1 });
  return pngChunk('zTXt', Buffer.concat([Buffer.from('Comment\0\0', 'latin1'), packed]));
}

const profileBomb = (): Buffer => {
  const packed = deflateSync(Buffer.alloc(30e6), { level: 1 });
  return pngChunk('iCCP', Buffer.concat([Buffer.from('icc\0\0', 'latin1'), packed]));
};

/** A JPEG with another frame header: what it claims of its size, its samples and their sampling. */
async function jpegHeader(change: (frame: Buffer) => void, options: { progressive?: boolean } = {}): Promise<Buffer> {
  const out = Buffer.from(await makeImage({ format: 'jpeg', width: 64, height: 64, ...options }));
  for (let at = 2; at < out.length; at += 2 + out.readUInt16BE(at + 2)) {
    const marker = out[at + 1] ?? 0;
    if (marker >= 0xc0 && marker <= 0xc2) {
      change(out.subarray(at));
      return out;
    }
  }
  throw new Error('no frame header');
}

const claim =
  (width: number, height: number) =>
  (frame: Buffer): void => {
    frame.writeUInt16BE(height, 5);
    frame.writeUInt16BE(width, 7);
  };

/** A GIF of `frames` frames of one pixel of data each, on a canvas of any size. */
export function gifFrames(width: number, height: number, frames: number, frameSize = { width: 1, height: 1 }): Buffer {
  const head = Buffer.from('GIF89a\0\0\0\0\x80\0\0\0\0\0\xff\xff\xff', 'latin1');
  head.writeUInt16LE(width, 6);
  head.writeUInt16LE(height, 8);
  const frame = Buffer.from([0x2c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 0x44, 1, 0]);
  frame.writeUInt16LE(frameSize.width, 5);
  frame.writeUInt16LE(frameSize.height, 7);
  const all = Buffer.alloc(frame.length * frames);
  for (let i = 0; i < frames; i += 1) frame.copy(all, i * frame.length);
  return Buffer.concat([head, all, Buffer.from([0x3b])]);
}

/** A WebP whose canvas says one thing; its picture is small. */
async function webpCanvas(width: number, height: number, copies = 1): Promise<Buffer> {
  const small = await makeImage({ format: 'webp', width: 8, height: 8, frames: 2 });
  const frameAt = small.indexOf('ANMF');
  const frame = small.subarray(frameAt, frameAt + 8 + small.readUInt32LE(frameAt + 4));
  const out = Buffer.concat([small.subarray(0, frameAt), ...Array.from({ length: copies }, () => frame)]);
  const canvas = out.indexOf('VP8X') + 8;
  out.writeUIntLE(width - 1, canvas + 4, 3);
  out.writeUIntLE(height - 1, canvas + 7, 3);
  out.writeUInt32LE(out.length - 8, 4);
  return out;
}

/** What the container says of the size, whatever the picture has. */
function claimingExtent(file: Buffer, width: number, height: number): Buffer {
  const out = Buffer.from(file);
  for (let at = out.indexOf('ispe'); at >= 0; at = out.indexOf('ispe', at + 4)) {
    out.writeUInt32BE(width, at + 8);
    out.writeUInt32BE(height, at + 12);
  }
  return out;
}

type Shades = Pick<MakeImageOptions, 'progressive' | 'chroma' | 'lossless' | 'tiles' | 'compression'> & {
  readonly colour?: 'rgb16';
};

const made = new Map<string, Promise<Buffer>>();

/** One colour all over: as small as its format can make it. Encoding tens of megapixels takes seconds: once is enough. */
function flat(format: 'avif' | 'webp' | 'jpeg' | 'tiff', side: number, shades: Shades = {}): Promise<Buffer> {
  const name = `${format} ${side} ${JSON.stringify(shades)}`;
  const bytes = made.get(name) ?? encodeFlat(format, side, shades);
  made.set(name, bytes);
  return bytes;
}

function encodeFlat(format: 'avif' | 'webp' | 'jpeg' | 'tiff', side: number, shades: Shades): Promise<Buffer> {
  const { colour, chroma = '4:4:4', lossless = false, tiles = false, progressive = false, compression } = shades;
  const create = { width: side, height: side, channels: 3, background: '#336699' } as const;
  const image = sharp({ create, limitInputPixels: false });
  if (colour !== undefined) image.toColourspace(colour);
  const encoded = {
    avif: () => image.avif({ effort: 0, chromaSubsampling: chroma }),
    webp: () => image.webp({ effort: 0, lossless }),
    jpeg: () => image.jpeg({ progressive, chromaSubsampling: chroma }),
    tiff: () =>
      image.tiff({
        compression: compression ?? 'deflate',
        ...(tiles && { tile: true, tileWidth: 2048, tileHeight: 2048 }),
      }),
  };
  return encoded[format]().toBuffer();
}

/** Run-length data that go down so many rows and say nothing of any. */
const skipRows = (rows: number): Buffer => Buffer.alloc(4 * Math.ceil(rows / 255), Buffer.from([0, 2, 0, 255]));

function bmpRuns(width: number, height: number, body: Buffer, depth: 4 | 8 = 8): Buffer {
  const head = Buffer.alloc(54 + 4 * 2 ** depth);
  head.write('BM', 0, 'latin1');
  head.writeUInt32LE(head.length + body.length, 2);
  head.writeUInt32LE(head.length, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(depth, 28);
  head.writeUInt32LE(depth === 8 ? 1 : 2, 30);
  head.writeUInt32LE(body.length, 34);
  return Buffer.concat([head, body]);
}

const zeros = (bytes: number): Buffer => deflateSync(Buffer.alloc(bytes), { level: 1 });

/** By name. Those of many megapixels are the slow ones: a second each at most. */
export const bombs: Makers = {
  'png-header-2g': () => pngClaiming(46_000, 46_000),
  'png-header-strip': () => pngClaiming(0x7fffffff, 1),
  'png-40mp': () => pngBomb(6300, 6300),
  'png-65mp': () => pngBomb(8060, 8060),
  'png-over-limit': () => pngBomb(8100, 8100),
  'png-wide': () => pngBomb(65_535, 1),
  'png-tall': () => pngBomb(1, 65_535),
  'png-rgba16-interlaced-40mp': () => png(6300, 6300, 16, 6, true),
  'png-rgba16-40mp': () => png(6300, 6300, 16, 6, false),
  'png-grey1-interlaced-40mp': () => png(6300, 6300, 1, 0, true),
  'png-text-30mb': () => png(16, 16, 8, 2, false, [textBomb(30)]),
  'png-texts-20-of-8mb': () => png(16, 16, 8, 2, false, Array.from({ length: 20 }, repeat(textBomb(7.9)))),
  'png-profile-30mb': () => png(16, 16, 8, 2, false, [profileBomb()]),
  'png-60000-chunks': () =>
    png(
      16,
      16,
      8,
      2,
      false,
      Array.from({ length: 60_000 }, () => pngChunk('tEXt', Buffer.from('a\0b'))),
    ),
  'png-empty-data-chunks': () =>
    Buffer.concat([
      png(16, 16, 8, 2, false).subarray(0, 33),
      ...Array.from({ length: 30_000 }, () => pngChunk('IDAT', Buffer.alloc(0))),
      png(16, 16, 8, 2, false).subarray(33),
    ]),
  'jpeg-65535-squared': () => jpegHeader(claim(65_535, 65_535)),
  'jpeg-6300-squared-without-data': () => jpegHeader(claim(6300, 6300)),
  'jpeg-65535-wide': () => jpegHeader(claim(65_535, 1)),
  'jpeg-65535-tall': () => jpegHeader(claim(1, 65_535)),
  'jpeg-height-later': () => jpegHeader(claim(64, 0)),
  'jpeg-12-bit': () => jpegHeader((frame) => (frame[4] = 12)),
  'jpeg-16-bit': () => jpegHeader((frame) => (frame[4] = 16)),
  'jpeg-arithmetic': () => jpegHeader((frame) => (frame[1] = 0xc9)),
  'jpeg-arithmetic-progressive': () => jpegHeader((frame) => (frame[1] = 0xca), { progressive: true }),
  'jpeg-lossless': () => jpegHeader((frame) => (frame[1] = 0xc3)),
  'jpeg-hierarchical': () => jpegHeader((frame) => (frame[1] = 0xc5)),
  'jpeg-sampling-4x4': () => jpegHeader((frame) => (frame[11] = 0x44)),
  'jpeg-sampling-15x15': () => jpegHeader((frame) => (frame[11] = 0xff)),
  'jpeg-sampling-zero': () => jpegHeader((frame) => (frame[11] = 0)),
  'jpeg-sampling-1x1-4x4': () =>
    jpegHeader((frame) => {
      frame.set([0x11, 0, 2, 0x44, 1, 3, 0x44], 11);
    }),
  'jpeg-one-component-id': () =>
    jpegHeader((frame) => {
      frame.set([1, 0x11, 0, 1, 0x11, 1, 1], 10);
    }),
  'jpeg-255-components': () => jpegHeader((frame) => (frame[9] = 255)),
  'jpeg-progressive-6300': () => flat('jpeg', 6300, { progressive: true }),
  'jpeg-progressive-cmyk': () =>
    makeImage({ format: 'jpeg', width: 1000, height: 1000, progressive: true, colour: 'cmyk' }),
  'jpeg-99-scans-6300': () => jpegWithScans(6300, 99),
  'jpeg-99-scans-2000': () => jpegWithScans(2000, 99),
  'jpeg-882-scans': () => jpegWithScans(64, 882),
  'jpeg-99-scans-wide': async () => {
    const out = Buffer.from(await jpegWithScans(64, 99));
    claim(65_535, 600)(out.subarray(out.indexOf(Buffer.from([0xff, 0xc2]))));
    return out;
  },
  'jpeg-restart-markers': async () =>
    Buffer.concat([
      (await makeImage({ format: 'jpeg', width: 64, height: 64 })).subarray(0, -2),
      Buffer.alloc(2_000_000, Buffer.from([0xff, 0xd0])),
      Buffer.from([0xff, 0xd9]),
    ]),
  'jpeg-60000-comments': async () => {
    const jpeg = await makeImage({ format: 'jpeg', width: 64, height: 64 });
    const comments = Buffer.alloc(4 * 60_000, Buffer.from([0xff, 0xfe, 0, 2]));
    return Buffer.concat([jpeg.subarray(0, 2), comments, jpeg.subarray(2)]);
  },
  'gif-65535-squared': () => gifFrames(65_535, 65_535, 1),
  'gif-40mp-canvas': () => gifFrames(6300, 6300, 1),
  'gif-40mp-canvas-1000-frames': () => gifFrames(6300, 6300, 1000),
  'gif-frame-beyond-canvas': () => gifFrames(1, 1, 2, { width: 6300, height: 6300 }),
  'gif-frame-far-beyond-canvas': () => gifFrames(1, 1, 2, { width: 65_535, height: 65_535 }),
  'gif-1000000-frames': () => gifFrames(1, 1, 1_000_000),
  'gif-wide': () => gifFrames(65_535, 1, 3),
  'gif-zero-frame': () => gifFrames(10, 10, 1, { width: 0, height: 0 }),
  'webp-canvas-16777216': () => webpCanvas(16_777_216, 16_777_216),
  'webp-canvas-6300': () => webpCanvas(6300, 6300),
  'webp-canvas-1': () => webpCanvas(1, 1),
  'webp-100000-frames': () => webpCanvas(8, 8, 100_000),
  'webp-40mp-lossless': () => flat('webp', 6300, { lossless: true }),
  'avif-40mp': () => flat('avif', 6300),
  'avif-12mp': () => flat('avif', 3500, { chroma: '4:2:0' }),
  'avif-claims-64': async () => claimingExtent(await flat('avif', 4000), 64, 64),
  'avif-40mp-claims-64': async () => claimingExtent(await flat('avif', 6300), 64, 64),
  'avif-claims-6000': async () => claimingExtent(await flat('avif', 64), 6000, 6000),
  'avif-claims-4294967295': async () => claimingExtent(await flat('avif', 64), 0xffffffff, 0xffffffff),
  'avif-grid-36mp': async () => heifGrid(await flat('avif', 512), { rows: 12, columns: 12 }),
  'avif-grid-256-claims-64': async () =>
    heifGrid(await flat('avif', 512), { rows: 16, columns: 16, claimed: { width: 64, height: 64 } }),
  'avif-grid-of-large-tiles-claims-64': async () =>
    heifGrid(await flat('avif', 4000), { rows: 8, columns: 8, claimed: { width: 64, height: 64 } }),
  'avif-grid-claims-4294967295': async () =>
    heifGrid(await flat('avif', 64), { rows: 2, columns: 2, claimed: { width: 0xffffffff, height: 0xffffffff } }),
  'avif-grid-of-itself': async () =>
    heifGrid(await flat('avif', 64), { rows: 2, columns: 2, references: [0, 0, 0, 0] }),
  'avif-grid-lacks-tiles': async () => heifGrid(await flat('avif', 64), { rows: 200, columns: 200, references: [2] }),
  'heic-grid-38mp': () => heifGrid(encodeHeic(testCard(512, 512)), { rows: 12, columns: 12 }),
  'heic-grid-of-itself': () =>
    heifGrid(encodeHeic(testCard(64, 64)), { rows: 2, columns: 2, references: [0, 0, 0, 0] }),
  'heic-grid-claims-64': () =>
    heifGrid(encodeHeic(testCard(512, 512)), { rows: 16, columns: 16, claimed: { width: 64, height: 64 } }),
  'heic-claims-64': () => claimingExtent(encodeHeic(testCard(1024, 1024)), 64, 64),
  'heic-claims-6000': () => claimingExtent(encodeHeic(testCard(64, 64)), 6000, 6000),
  'tiff-strip-40mp-rgba16': () =>
    stripTiff({ width: 6300, height: 6300, samples: 4, bits: 16, compression: 8, strips: [zeros(6300 * 6300 * 8)] }),
  'tiff-strip-40mp-grey8': () =>
    stripTiff({ width: 6300, height: 6300, samples: 1, bits: 8, compression: 8, strips: [zeros(6300 * 6300)] }),
  'tiff-tile-40mp': () =>
    stripTiff({
      width: 6300,
      height: 6300,
      samples: 3,
      bits: 8,
      compression: 8,
      strips: [zeros(6304 * 6304 * 3)],
      tile: { width: 6304, height: 6304 },
    }),
  'tiff-tile-huge': () =>
    stripTiff({
      width: 64,
      height: 64,
      samples: 3,
      bits: 8,
      compression: 8,
      strips: [zeros(64)],
      tile: { width: 65_520, height: 65_520 },
    }),
  'tiff-tile-rgba16-2048': () => flat('tiff', 6300, { tiles: true, colour: 'rgb16' }),
  'tiff-rows-per-strip-huge': () =>
    stripTiff({
      width: 64,
      height: 64,
      samples: 3,
      bits: 8,
      compression: 8,
      strips: [zeros(64 * 64 * 3)],
      rowsPerStrip: 0xffffffff,
    }),
  'tiff-strip-unpacks-to-more': () =>
    stripTiff({ width: 64, height: 64, samples: 3, bits: 8, compression: 8, strips: [zeros(40e6)] }),
  'tiff-65535-samples': () =>
    stripTiff({ width: 64, height: 64, samples: 200, bits: 8, compression: 8, strips: [zeros(64 * 64 * 200)] }),
  'tiff-200-samples-40mp': () =>
    stripTiff({ width: 6300, height: 6300, samples: 200, bits: 32, compression: 8, strips: [zeros(64)] }),
  'tiff-64-bit-samples': () =>
    stripTiff({ width: 2000, height: 2000, samples: 4, bits: 64, compression: 8, strips: [zeros(2000 * 2000 * 32)] }),
  'tiff-separate-planes-40mp': () =>
    stripTiff({
      width: 6300,
      height: 6300,
      samples: 3,
      bits: 8,
      compression: 8,
      planar: true,
      strips: [0, 1, 2].map(() => zeros(6300 * 6300)),
    }),
  'tiff-200000-strips': () =>
    stripTiff({
      width: 10,
      height: 200_000,
      samples: 1,
      bits: 8,
      compression: 1,
      rowsPerStrip: 1,
      strips: Array.from({ length: 200_000 }, () => Buffer.alloc(10)),
    }),
  'tiff-circle-of-pages': () =>
    stripTiff({ width: 8, height: 8, samples: 1, bits: 8, compression: 1, strips: [Buffer.alloc(64)], next: 'self' }),
  'tiff-claims-4294967295': () =>
    stripTiff({
      width: 0xffffffff,
      height: 0xffffffff,
      samples: 1,
      bits: 8,
      compression: 1,
      strips: [Buffer.alloc(64)],
    }),
  'tiff-lzw-ratio': () => flat('tiff', 3000, { compression: 'lzw' }),
  'tiff-3000-pages': () => {
    const page = stripTiff({ width: 8, height: 8, samples: 1, bits: 8, compression: 1, strips: [Buffer.alloc(64)] });
    const directory = page.readUInt32LE(4);
    const length = page.length - directory;
    const pages = Array.from({ length: 3000 }, (_, i) => {
      const copy = Buffer.from(page.subarray(directory));
      copy.writeUInt32LE(i === 2999 ? 0 : page.length + i * length, 2 + 12 * copy.readUInt16LE(0));
      return copy;
    });
    const first = Buffer.from(page);
    pages[0]?.copy(first, directory);
    return Buffer.concat([first, ...pages.slice(1)]);
  },
  'bmp-rle-40mp': () => bmpRuns(6300, 6300, skipRows(6300)),
  'bmp-rle4-40mp': () => bmpRuns(6300, 6300, skipRows(6300), 4),
  'bmp-rle-over-limit': () => bmpRuns(65_535, 65_535, Buffer.from([0, 1])),
  'bmp-rle-deltas': () => bmpRuns(100, 100, Buffer.alloc(60_000, Buffer.from([0, 2, 255, 255]))),
  'bmp-rle-past-the-end': () => bmpRuns(16, 16, Buffer.alloc(500_000, Buffer.from([255, 1]))),
  'bmp-rle-absolute-past-the-end': () => bmpRuns(16, 16, Buffer.from([0, 255, 1, 2, 3])),
  'bmp-2147483647-wide': () => bmpRuns(0x7fffffff, 1, Buffer.from([0, 1])),
  'bmp-least-height': () => bmpRuns(1, -0x80000000, Buffer.from([0, 1])),
  'bmp-least-width': () => bmpRuns(-0x80000000, 1, Buffer.from([0, 1])),
  'noise-1mp-png': () => makeImage({ format: 'png', width: 1000, height: 1000, pixels: noise(1000, 1000) }),
};
