import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { makeImage, testCard } from '../../../test/fixtures/images/index.js';
import { bombs } from '../../../test/support/hostile/bombs.js';
import { blackPng, blackTiff, shapes } from '../../../test/support/hostile/shapes.js';
import { heifGrid } from '../../../test/support/hostile/heif-grid.js';
import { ImageError, inspectImage } from './index.js';

const limits = { maxPixels: 40_000_000, maxDecodeBytes: 300_000_000 };

async function bomb(name: string): Promise<Buffer> {
  const make = bombs[name] ?? shapes[name];
  if (make === undefined) throw new Error(`there is no bomb ${name}`);
  return make();
}

function codeOf(bytes: Buffer): string {
  try {
    inspectImage(bytes, limits);
    return 'accepted';
  } catch (error) {
    return error instanceof ImageError ? error.code : String(error);
  }
}

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#336699' } });

describe('the memory that a header asks for', () => {
  it.each([
    'png-rgba16-interlaced-40mp',
    'png-texts-20-of-8mb',
    'avif-grid-36mp',
    'heic-grid-38mp',
    'tiff-200-samples-40mp',
    'webp-100000-frames',
  ])('is too much in %s', async (name) => {
    expect(codeOf(await bomb(name))).toBe('image_too_complex');
  });

  it('counts the tiles of a grid, however small the grid says that it is', async () => {
    expect(codeOf(await bomb('avif-grid-of-large-tiles-claims-64'))).toBe('image_too_many_pixels');
  });

  it.each([
    'png-40mp',
    'png-rgba16-40mp',
    'tiff-strip-40mp-rgba16',
    'tiff-tile-rgba16-2048',
    'gif-40mp-canvas',
    'bmp-rle-40mp',
    'avif-12mp',
  ])('is bearable in %s', async (name) => {
    expect(codeOf(await bomb(name))).toBe('accepted');
  });

  it('is bearable in what phones and cameras make', async () => {
    expect(codeOf(await picture(5000, 2000).jpeg().toBuffer())).toBe('accepted');
    const tile = await picture(512, 512).avif({ effort: 0, chromaSubsampling: '4:2:0' }).toBuffer();
    expect(codeOf(heifGrid(tile, { rows: 9, columns: 12 }))).toBe('accepted');
  });

  it('is told by the AV1 data, not by what the container says of it', async () => {
    const deep = await picture(64, 64).avif({ effort: 0, bitdepth: 10 }).toBuffer();
    const plain = await picture(64, 64).avif({ effort: 0, chromaSubsampling: '4:2:0' }).toBuffer();
    const honest = inspectImage(deep, limits).decodeBytes;
    deep[deep.indexOf('av1C') + 6] = 0x0c;
    expect(inspectImage(deep, limits).decodeBytes).toBe(honest);
    expect(honest).toBeGreaterThan(inspectImage(plain, limits).decodeBytes);
  });

  it('grows with the coefficients of a JPEG that has several scans', async () => {
    const size = { width: 64, height: 64, pixels: testCard(64, 64) };
    const bytes = async (progressive: boolean, chroma: '4:2:0' | '4:4:4'): Promise<number> =>
      inspectImage(await makeImage({ format: 'jpeg', ...size, progressive, chroma }), limits).decodeBytes / 4096;
    expect(await bytes(false, '4:4:4')).toBe(3);
    expect(await bytes(true, '4:2:0')).toBe(6);
    expect(await bytes(true, '4:4:4')).toBe(9);
  });
});

describe('a picture of a usual number of pixels', () => {
  it.each([
    'png-1-wide-interlaced',
    'png-1-high-interlaced',
    'png-1-wide',
    'png-40-high-16-bits',
    'png-turned-16-bits',
    'tiff-1-wide',
    'tiff-1-high',
  ])('is too much in the shape of %s', async (name) => {
    expect(codeOf(await bomb(name))).toBe('image_too_complex');
  });

  it('may be long: a screenshot, a panorama, a scroll, a fax', async () => {
    const screenshot = { width: 1080, height: 36_000 };
    expect(codeOf(blackPng(screenshot))).toBe('accepted');
    expect(codeOf(blackPng({ ...screenshot, interlaced: true }))).toBe('accepted');
    expect(codeOf(blackPng({ width: 20_000, height: 500, depth: 16, interlaced: true }))).toBe('accepted');
    expect(codeOf(await picture(1080, 36_000).jpeg().toBuffer())).toBe('accepted');
    expect(codeOf(await picture(36_000, 1080).jpeg({ progressive: true }).toBuffer())).toBe('accepted');
    expect(codeOf(blackPng({ width: 300, height: 130_000 }))).toBe('accepted');
    expect(codeOf(blackTiff({ width: 300, height: 65_000, samples: 3, bits: 8, rowsPerStrip: 1 }))).toBe('accepted');
    for (const name of ['tiff-tiles-of-16', 'tiff-610-high-floats', 'tiff-turned-floats']) {
      expect(codeOf(await bomb(name))).toBe('accepted');
    }
  });

  it('takes more where its EXIF turns it, and only there', async () => {
    for (const format of ['jpeg', 'png', 'webp'] as const) {
      const bytes = async (orientation: number): Promise<number> =>
        inspectImage(await picture(64, 64).withMetadata({ orientation })[format]().toBuffer(), limits).decodeBytes;
      const upright = await bytes(1);
      expect(await bytes(2)).toBe(upright);
      for (const turned of [3, 4, 5, 6, 7, 8]) expect(await bytes(turned)).toBeGreaterThan(upright);
    }
  });
});
