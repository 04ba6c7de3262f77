import { ImageError } from '@quintet/images';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bmpVariants,
  heicSample,
  hostileFiles,
  jpegWithScans,
  makeImage,
  type MakeImageOptions,
  noise,
  type Pixels,
  pngBomb,
  pngClaiming,
  svgWithReference,
  testCard,
} from '../../../../test/fixtures/images/index.js';
import { planCrop } from './geometry.js';
import { configureSharp, createPreprocessor, type Preprocessor } from './index.js';
import { type Interpolation, resampleWindow } from './resample.js';

const spec = { resize: 256, crop: 224, interpolation: 'bilinear' } as const;
const limits = { maxPixels: 40_000_000, timeoutMs: 15_000 };
let preprocessor: Preprocessor;

beforeAll(() => {
  configureSharp();
  preprocessor = createPreprocessor({ spec, ...limits });
});
afterAll(() => preprocessor.close());

/** The crop by Pillow's method of pixels that are known, without any decoder. */
function reference(pixels: Pixels, interpolation: Interpolation = spec.interpolation): Uint8Array {
  const { width, height } = pixels;
  const plan = planCrop(width, height, spec);
  return resampleWindow(
    { ...pixels, left: 0, top: 0 },
    { interpolation, source: width, target: plan.width, start: plan.left, length: spec.crop },
    { interpolation, source: height, target: plan.height, start: plan.top, length: spec.crop },
  );
}

function difference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += Math.abs((a[i] ?? 0) - (b[i] ?? 0));
  return sum / a.length;
}

/** What a viewer shows of pixels stored with an EXIF orientation (source coordinates of each shown pixel). */
function oriented(stored: Pixels, orientation: number): Pixels {
  const swap = orientation >= 5;
  const width = swap ? stored.height : stored.width;
  const height = swap ? stored.width : stored.height;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let [sx, sy] = swap ? [y, x] : [x, y];
      if ([2, 3, 7, 8].includes(orientation)) sx = stored.width - 1 - sx;
      if ([3, 4, 6, 7].includes(orientation)) sy = stored.height - 1 - sy;
      data.set(
        stored.data.subarray((sy * stored.width + sx) * 3, (sy * stored.width + sx) * 3 + 3),
        (y * width + x) * 3,
      );
    }
  }
  return { width, height, data };
}

function grey(pixels: Pixels, levels = 255): Pixels {
  return {
    ...pixels,
    data: pixels.data.map((_v, i) => Math.round(((pixels.data[i - (i % 3)] ?? 0) * levels) / 255) * (255 / levels)),
  };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'accepted';
  } catch (error) {
    if (error instanceof ImageError) return error.code;
    throw error;
  }
}

const sizes = { enlarged: { width: 120, height: 90 }, shrunk: { width: 500, height: 375 } };

describe.each(Object.entries(sizes))('a picture that is %s', (kind, size) => {
  const card = testCard(size.width, size.height);
  const exact = kind === 'enlarged' ? 0 : 0.15;
  const recipes: [string, Omit<MakeImageOptions, 'width' | 'height'>, number][] = [
    ['png', { format: 'png' }, exact],
    ['png interlaced', { format: 'png', progressive: true }, exact],
    ['png of 16 bits', { format: 'png', colour: 'rgb16' }, exact],
    ['png with alpha, which is dropped unused', { format: 'png', colour: 'alpha' }, exact],
    ['png with a palette', { format: 'png', colour: 'palette' }, 12],
    ['webp lossless', { format: 'webp', lossless: true }, exact],
    ['webp lossless with alpha', { format: 'webp', lossless: true, colour: 'alpha' }, exact],
    ['webp', { format: 'webp' }, 6],
    ['webp animated: its first frame', { format: 'webp', frames: 3 }, 6],
    ['avif', { format: 'avif' }, 3],
    ['gif', { format: 'gif' }, 12],
    ['gif animated: its first frame', { format: 'gif', frames: 3 }, 12],
    ['tiff', { format: 'tiff' }, exact],
    ['tiff of 16 bits', { format: 'tiff', colour: 'rgb16' }, exact],
    ['jpeg', { format: 'jpeg' }, 2],
    ['jpeg progressive', { format: 'jpeg', progressive: true }, 2],
    ['jpeg cmyk', { format: 'jpeg', colour: 'cmyk' }, 45],
  ];
  it.each(recipes)('is read from %s', async (_name, recipe, tolerance) => {
    const crop = await preprocessor.preprocess(await makeImage({ ...recipe, ...size }));
    expect(crop).toMatchObject(size);
    expect(difference(crop.data, reference(card))).toBeLessThanOrEqual(tolerance);
  });

  it('is read from a grey png of 16 bits', async () => {
    const crop = await preprocessor.preprocess(await makeImage({ format: 'png', colour: 'grey16', ...size }));
    expect(difference(crop.data, reference(grey(card)))).toBeLessThanOrEqual(exact);
  });

  it('is read from a grey jpeg', async () => {
    const tones = grey(card);
    const crop = await preprocessor.preprocess(
      await makeImage({ format: 'jpeg', colour: 'grey', pixels: tones, ...size }),
    );
    expect(difference(crop.data, reference(tones))).toBeLessThan(1.5);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('is turned upright from EXIF orientation %i', async (orientation) => {
    const shown = oriented(card, orientation);
    const crop = await preprocessor.preprocess(await makeImage({ format: 'jpeg', orientation, ...size }));
    expect(crop).toMatchObject({ width: shown.width, height: shown.height });
    expect(difference(crop.data, reference(shown))).toBeLessThan(2);
  });

  it.each(bmpVariants)('is read from bmp %s', async (bmp) => {
    const depth = { palette8: 255, rle8: 255, palette4: 15, rle4: 15, palette1: 1 }[bmp as string];
    const shown = depth === undefined ? card : grey(card, depth);
    const crop = await preprocessor.preprocess(await makeImage({ format: 'bmp', bmp, ...size }));
    expect(crop).toMatchObject(size);
    expect(difference(crop.data, reference(shown))).toBeLessThanOrEqual(bmp.startsWith('rgb16') ? 3 : exact);
  });
});

describe.each(['bilinear', 'bicubic'] as const)('odd sizes, %s', (interpolation) => {
  let preprocessor: Preprocessor;
  beforeAll(() => {
    preprocessor = createPreprocessor({ spec: { ...spec, interpolation }, ...limits });
  });
  afterAll(() => preprocessor.close());

  it.each([
    [1, 1],
    [1, 5000],
    [5000, 1],
    [3, 7],
    [255, 300],
    [256, 256],
    [341, 256],
  ])('%i × %i are exactly as Pillow would make them', async (width, height) => {
    const pixels = noise(width, height);
    const crop = await preprocessor.preprocess(await makeImage({ format: 'png', width, height, pixels }));
    expect(crop).toMatchObject({ width, height });
    expect(difference(crop.data, reference(pixels, interpolation))).toBe(0);
  });

  it('a very long picture is shrunk without holding its resized whole', async () => {
    const crop = await preprocessor.preprocess(
      await makeImage({ format: 'png', width: 300, height: 60_000, colour: 'flat' }),
    );
    expect(crop.height).toBe(60_000);
    expect(new Set(crop.data)).toEqual(new Set([128]));
  });
});

describe('heic', () => {
  it('is decoded, cropped and turned as its container says', async () => {
    const card = testCard(64, 48);
    const upright = await preprocessor.preprocess(heicSample('upright'));
    expect(upright).toMatchObject({ width: 64, height: 48 });
    expect(difference(upright.data, reference(card))).toBeLessThan(6);
    const turned = await preprocessor.preprocess(heicSample('turned'));
    expect(turned).toMatchObject({ width: 48, height: 64 });
    expect(difference(turned.data, reference(oriented(card, 8)))).toBeLessThan(6);
  });

  it('that is damaged fails alone', async () => {
    const damaged = heicSample();
    const configuration = damaged.indexOf('hvcC') + 4;
    damaged.fill(0xff, configuration + 22, configuration + 60);
    const codes = await Promise.all(
      [damaged, heicSample(), damaged, heicSample()].map((b) => codeOf(preprocessor.preprocess(b))),
    );
    expect(codes).toEqual(['image_undecodable', 'accepted', 'image_undecodable', 'accepted']);
  });

  it('that takes too long is given up, and the next one is decoded by a new thread', async () => {
    const hasty = createPreprocessor({ spec, maxPixels: 40_000_000, timeoutMs: 1 });
    try {
      expect(await codeOf(hasty.preprocess(heicSample()))).toBe('image_decode_timeout');
      expect(await codeOf(hasty.preprocess(heicSample()))).toBe('image_decode_timeout');
    } finally {
      await hasty.close();
    }
    expect(await codeOf(preprocessor.preprocess(heicSample()))).toBe('accepted');
  });
});

describe('a preprocessor that is closed', () => {
  it('does not blame the pictures that it still holds', async () => {
    const closing = createPreprocessor({ spec, maxPixels: 40_000_000, timeoutMs: 15_000 });
    const held = Promise.allSettled([heicSample(), heicSample()].map((bytes) => closing.preprocess(bytes)));
    await closing.close();
    for (const outcome of await held) {
      expect(outcome.status).toBe('rejected');
      expect(outcome.status === 'rejected' && outcome.reason).not.toBeInstanceOf(ImageError);
    }
  });
});

describe('hostile files', () => {
  it('are refused with their codes', async () => {
    for (const { name, bytes, code } of await hostileFiles()) {
      expect({ name, code: await codeOf(preprocessor.preprocess(bytes)) }).toEqual({ name, code });
    }
  });

  it('cannot reach a decoder by a wrong description', async () => {
    const jpeg = { format: 'jpeg', mediaType: 'image/jpeg', width: 64, height: 64, frames: 1, decodeBytes: 1 } as const;
    expect(await codeOf(preprocessor.preprocess(svgWithReference, jpeg))).toBe('image_undecodable');
    expect(await codeOf(preprocessor.preprocess(Buffer.alloc(0), jpeg))).toBe('image_undecodable');
    expect(await codeOf(preprocessor.preprocess(Buffer.from('BM'), { ...jpeg, format: 'bmp' }))).toBe(
      'image_truncated',
    );
    expect(await codeOf(preprocessor.preprocess(pngClaiming(60_000, 60_000), jpeg))).toBe('image_too_many_pixels');
  });

  it('that decode to damage fail, those with harmless flaws do not', async () => {
    const jpeg = await makeImage({ format: 'jpeg', width: 300, height: 300, pixels: noise(300, 300) });
    const second = 4 + jpeg.readUInt16BE(4);
    const stray = Buffer.concat([jpeg.subarray(0, second), Buffer.from([1, 2, 3]), jpeg.subarray(second)]);
    expect(await codeOf(preprocessor.preprocess(stray))).toBe('accepted');
    const png = await makeImage({ format: 'png', width: 300, height: 300, pixels: noise(300, 300) });
    png.fill(0x55, png.length >> 1, (png.length >> 1) + 200);
    expect(await codeOf(preprocessor.preprocess(png))).toBe('image_undecodable');
    expect(await codeOf(preprocessor.preprocess(pngClaiming(300, 300)))).toBe('image_undecodable');
  });

  it('that are bombs stay within the pixel limit and cost little', async () => {
    const small = createPreprocessor({ spec, maxPixels: 1_000_000, timeoutMs: 5000 });
    expect(await codeOf(small.preprocess(pngBomb(1001, 1000)))).toBe('image_too_many_pixels');
    expect(await codeOf(small.preprocess(pngBomb(1000, 1000)))).toBe('accepted');
    await small.close();
  });

  it('that keep the decoder busy are given up in time', async () => {
    const hasty = createPreprocessor({ spec, maxPixels: 40_000_000, timeoutMs: 100 });
    const bytes = await jpegWithScans(6000, 99);
    expect(await codeOf(hasty.preprocess(bytes))).toBe('image_decode_timeout');
    await hasty.close();
  });
});

describe('the event loop', () => {
  it('is free while pictures are decoded', async () => {
    const pixels = noise(1600, 1200);
    const pictures = [
      await makeImage({ format: 'jpeg', width: 1600, height: 1200, pixels }),
      await makeImage({ format: 'bmp', width: 1600, height: 1200, pixels }),
      await makeImage({ format: 'png', width: 250, height: 250 }),
      heicSample(),
    ];
    for (const picture of pictures) await preprocessor.preprocess(picture);
    // A decode on this thread would leave a few turns of the loop for each picture; beside one there are hundreds.
    let turns = 0;
    let decoding = true;
    const turn = (): void => {
      turns += 1;
      if (decoding) setImmediate(turn);
    };
    turn();
    for (const picture of pictures) await preprocessor.preprocess(picture);
    decoding = false;
    expect(turns).toBeGreaterThan(100 * pictures.length);
  });
});
