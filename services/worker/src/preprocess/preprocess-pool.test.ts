import { ImageError } from '@quintet/images';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { createPreprocessPool, type PreprocessPool } from './preprocess-pool.js';

const options = { spec: { resize: 256, crop: 224 }, maxPixels: 1_000_000, timeoutMs: 10_000 };
let pool: PreprocessPool | undefined;

afterEach(async () => {
  await pool?.close();
});

const picture = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: '#204060' } })
    .png()
    .toBuffer();

describe('PreprocessPool', () => {
  it('answers many pictures at once, each with its own', async () => {
    pool = createPreprocessPool(options, 2);
    await pool.start();
    const sizes = Array.from({ length: 20 }, (_, index) => [300 + index, 260] as const);
    const crops = await Promise.all(
      sizes.map(async ([width, height]) => pool?.preprocess(await picture(width, height))),
    );
    expect(crops.map((crop) => [crop?.width, crop?.height])).toEqual(sizes);
    expect(crops.map((crop) => crop?.data.length)).toEqual(sizes.map(() => 224 * 224 * 3));
    expect([...(crops[0]?.data.subarray(0, 3) ?? [])]).toEqual([0x20, 0x40, 0x60]);
  });

  it('tells what is wrong with a picture, and goes on', async () => {
    pool = createPreprocessPool(options, 1);
    const [bad, good] = await Promise.allSettled([
      pool.preprocess(Buffer.from('text')),
      pool.preprocess(await picture(9, 9)),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'image_format_unsupported' } });
    expect(bad.status === 'rejected' && bad.reason instanceof ImageError).toBe(true);
    expect(good.status).toBe('fulfilled');
  });

  it('starts however few pixels are allowed, and takes nothing once closed', async () => {
    pool = createPreprocessPool({ ...options, maxPixels: 1 }, 1);
    await pool.start();
    await pool.close();
    await expect(pool.preprocess(await picture(1, 1))).rejects.toThrow('closed');
  });

  it('rejects what a dying thread held', async () => {
    pool = createPreprocessPool(options, 1);
    const pending = pool.preprocess(await picture(900, 900));
    await pool.close();
    await expect(pending).rejects.toThrow('thread died');
  });
});
