import { ImageError } from '@quintet/images';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { slotBytes } from '../crops/crop-slots.js';
import { createPreprocessPool, type PreprocessPool } from './preprocess-pool.js';

const options = { spec: { resize: 256, crop: 224 }, maxPixels: 1_000_000, timeoutMs: 10_000 };
const slotCount = 20;
const slots = new SharedArrayBuffer(slotCount * slotBytes(224));
const pixels = new Uint8Array(slots);
let pool: PreprocessPool | undefined;

afterEach(async () => {
  await pool?.close();
});

const picture = (width: number, height: number, red = 0x20): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: { r: red, g: 0x40, b: 0x60 } } })
    .png()
    .toBuffer();

describe('PreprocessPool', () => {
  it('puts many pictures at once each into its slot, and nothing anywhere else', async () => {
    pool = createPreprocessPool(options, slots, 2);
    await pool.start();
    pixels.fill(7);
    const last = slotCount - 1;
    await Promise.all(
      Array.from({ length: last }, async (_, slot) => pool?.preprocess(await picture(300 + slot, 260, slot), slot)),
    );
    for (let slot = 0; slot < last; slot += 1) {
      const crop = pixels.subarray(slot * slotBytes(224), (slot + 1) * slotBytes(224));
      expect(Buffer.compare(crop, Buffer.alloc(crop.length, Buffer.from([slot, 0x40, 0x60])))).toBe(0);
    }
    expect(pixels.subarray(last * slotBytes(224)).every((value) => value === 7)).toBe(true);
  });

  it('tells what is wrong with a picture, and goes on', async () => {
    pool = createPreprocessPool(options, slots, 1);
    const [bad, good] = await Promise.allSettled([
      pool.preprocess(Buffer.from('text'), 0),
      pool.preprocess(await picture(9, 9), 1),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'image_format_unsupported' } });
    expect(bad.status === 'rejected' && bad.reason instanceof ImageError).toBe(true);
    expect(good.status).toBe('fulfilled');
  });

  it('starts however few pixels are allowed, and takes nothing once closed', async () => {
    pool = createPreprocessPool({ ...options, maxPixels: 1 }, slots, 1);
    await pool.start();
    await pool.close();
    await expect(pool.preprocess(await picture(1, 1), 0)).rejects.toThrow('closed');
  });

  it('rejects what a dying thread held', async () => {
    pool = createPreprocessPool(options, slots, 1);
    const pending = pool.preprocess(await picture(900, 900), 0);
    await pool.close();
    await expect(pending).rejects.toThrow('thread died');
  });
});
