import { ImageError } from '@quintet/images';
import { Watchdog } from '@quintet/shared';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { jpegWithScans } from '../../../../test/fixtures/images/index.js';
import { slotBytes } from '../batching/crop-slots.js';
import { createPreprocessPool, silenceMs, type PreprocessPool } from './preprocess-pool.js';

const options = {
  spec: { resize: 256, crop: 224, interpolation: 'bilinear' as const },
  maxPixels: 1_000_000,
  timeoutMs: 10_000,
};
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

  it('replaces a thread that answers nothing, and rejects what that held', { timeout: 60_000 }, async () => {
    let now = 0;
    const watchdog = new Watchdog(() => now);
    const pass = (ms: number): void => {
      for (const end = now + ms; now < end;) {
        now += 1000;
        watchdog.check();
      }
    };
    const stuck: Error[] = [];
    const large = { ...options, maxPixels: 100_000_000, maxDecodeBytes: 1e9, timeoutMs: 60_000 };
    pool = createPreprocessPool(large, slots, 1, { watchdog, onStuck: (error) => stuck.push(error) });
    await pool.start();
    // Decoding takes seconds, in which nothing is answered. The other waits for its memory.
    const silent = await Promise.all([jpegWithScans(4000, 99), jpegWithScans(4000, 99)]);
    const current = pool;
    const held = Promise.allSettled(silent.map((bytes, slot) => current.preprocess(bytes, slot)));
    await new Promise((resolve) => setImmediate(resolve));
    pass(silenceMs(large.timeoutMs));
    expect(watchdog.reasons).toEqual([expect.stringContaining('2 held')]);
    await pool.preprocess(await picture(300, 300), 2);
    const died: unknown = expect.objectContaining({ message: expect.stringContaining('thread died') as string });
    expect(await held).toEqual([
      { status: 'rejected', reason: died },
      { status: 'rejected', reason: died },
    ]);
    expect(watchdog.reasons).toEqual([]);
    expect(stuck).toEqual([]);
    watchdog.stop();
  });

  it('rejects what a dying thread held', async () => {
    pool = createPreprocessPool(options, slots, 1);
    const pending = pool.preprocess(await picture(900, 900), 0);
    await pool.close();
    await expect(pending).rejects.toThrow('thread died');
  });
});
