import sharp, { type JpegOptions } from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { jpegWithScans, makeImage, testCard } from '../../../test/fixtures/images/index.js';
import { bombs } from '../../../test/support/hostile/bombs.js';
import { blackPng, blackTiff, shapes } from '../../../test/support/hostile/shapes.js';
import { heifGrid } from '../../../test/support/hostile/heif-grid.js';
import { codeUnder } from './code-under.test-support.js';
import { inspectImage } from './index.js';

const limits = { maxPixels: 65_000_000, maxDecodeBytes: 300_000_000 };

async function bomb(name: string): Promise<Buffer> {
  const make = bombs[name] ?? shapes[name];
  if (make === undefined) throw new Error(`there is no bomb ${name}`);
  return make();
}

const codeOf = (bytes: Buffer): string => codeUnder(bytes, limits);

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#336699' } });

describe('the memory that a header asks for', () => {
  it.each([
    'png-rgba16-interlaced-40mp',
    'png-texts-20-of-8mb',
    'avif-grid-36mp',
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
    'heic-grid-38mp',
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

  it('of an AVIF of 20 megapixels and 10 bits is what is allowed by default', async () => {
    const bytes = await picture(64, 64).avif({ effort: 0, bitdepth: 10, chromaSubsampling: '4:2:0' }).toBuffer();
    const extent = bytes.indexOf('ispe');
    bytes.writeUInt32BE(5184, extent + 8);
    bytes.writeUInt32BE(3888, extent + 12);
    // The default of MAX_DECODE_BYTES.
    expect(inspectImage(bytes, { ...limits, maxDecodeBytes: 400_000_000 })).toMatchObject({
      width: 5184,
      height: 3888,
    });
  });

  it('grows with the coefficients of a JPEG that has several scans', async () => {
    const size = { width: 64, height: 64, pixels: testCard(64, 64) };
    const bytes = async (progressive: boolean, chroma: '4:2:0' | '4:4:4'): Promise<number> =>
      inspectImage(await makeImage({ format: 'jpeg', ...size, progressive, chroma }), limits).decodeBytes / 4096;
    const baseline = await bytes(false, '4:4:4');
    expect((await bytes(true, '4:2:0')) - baseline).toBeCloseTo(3, 6);
    expect((await bytes(true, '4:4:4')) - baseline).toBeCloseTo(6, 6);
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

  it('takes more where its EXIF turns it, and only there; a JPEG never does', async () => {
    const jpeg = async (orientation: number): Promise<number> =>
      inspectImage(await picture(64, 64).withMetadata({ orientation }).jpeg().toBuffer(), limits).decodeBytes;
    expect(await jpeg(6)).toBe(await jpeg(1));
    for (const format of ['png', 'webp'] as const) {
      const bytes = async (orientation: number): Promise<number> =>
        inspectImage(await picture(64, 64).withMetadata({ orientation })[format]().toBuffer(), limits).decodeBytes;
      const upright = await bytes(1);
      expect(await bytes(2)).toBe(upright);
      for (const turned of [3, 4, 5, 6, 7, 8]) expect(await bytes(turned)).toBeGreaterThan(upright);
    }
  });
});

describe('a JPEG of a phone or a camera', () => {
  const sizes = { '48 MP': [8064, 6048], '50 MP': [8160, 6144], '61 MP': [9504, 6336], '64 MP': [9280, 6944] } as const;
  let small: Record<string, Buffer>;
  beforeAll(async () => {
    const make = (options: JpegOptions): Promise<Buffer> => picture(64, 64).jpeg(options).toBuffer();
    small = {
      '4:2:0': await make({ chromaSubsampling: '4:2:0' }),
      '4:4:4': await make({ chromaSubsampling: '4:4:4' }),
      'progressive 4:2:0': await make({ progressive: true, chromaSubsampling: '4:2:0' }),
      'progressive 4:4:4': await make({ progressive: true, chromaSubsampling: '4:4:4' }),
    };
  });

  /** With another size in its frame header: the check reads no more. */
  function claiming(kind: string, [width, height]: readonly [number, number]): Buffer {
    const out = Buffer.from(small[kind] ?? '');
    const frame = Math.max(out.indexOf('ffc00011', 'hex'), out.indexOf('ffc20011', 'hex'));
    out.writeUInt16BE(height, frame + 5);
    out.writeUInt16BE(width, frame + 7);
    return out;
  }

  it.each(Object.entries(sizes))(
    'of %s fits whole, progressive ones in parts, but for those without subsampling',
    (_n, size) => {
      const infoOf = (kind: string): ReturnType<typeof inspectImage> => inspectImage(claiming(kind, size), limits);
      for (const kind of ['4:2:0', '4:4:4']) expect(infoOf(kind)).toMatchObject({ width: size[0], parts: 1 });
      expect(infoOf('progressive 4:2:0').parts).toBeLessThanOrEqual(2);
      expect(codeOf(claiming('progressive 4:4:4', size))).toBe('image_too_complex');
    },
  );

  it('of 100 megapixels and more is refused by its size', () => {
    for (const size of [
      [11_648, 8736],
      [12_000, 9000],
      [16_320, 12_240],
    ] as const) {
      expect(codeOf(claiming('4:2:0', size))).toBe('image_too_many_pixels');
    }
  });

  it('is not decoded in parts where that helps nothing, nor scan after scan', async () => {
    const bytes = claiming('4:2:0', [8064, 6048]);
    expect(inspectImage(bytes, { ...limits, maxDecodeBytes: 1e9 }).parts).toBe(1);
    expect(inspectImage(bytes, { ...limits, maxDecodeBytes: 100_000_000 }).parts).toBe(2);
    expect(() => inspectImage(bytes, { ...limits, maxDecodeBytes: 1_000_000 })).toThrow(/takes 129 MB/);
    const scans = await jpegWithScans(7000, 90);
    expect(codeOf(scans)).toBe('image_too_complex');
  });
});
