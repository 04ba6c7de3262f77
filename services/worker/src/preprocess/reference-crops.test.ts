/**
 * All pictures of the shared reference set against Pillow's crops of them.
 *
 * The reference PNGs are read with `ignoreIcc`: Pillow copies a photo's profile into the PNG it writes, and sharp would
 * convert the reference through it. (That is what once made ignoring profiles look wrong.)
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configureSharp, createPreprocessor, type Preprocessor } from './index.js';

const shared = new URL('../../../../../shared/', import.meta.url);
const images = new URL('images/', shared);
const crops = new URL('reference/crops/', shared);

describe.skipIf(!existsSync(images) || !existsSync(crops))('the reference set (needs ../shared)', () => {
  let preprocessor: Preprocessor;
  beforeAll(() => {
    configureSharp();
    preprocessor = createPreprocessor({
      spec: { resize: 256, crop: 224, interpolation: 'bilinear' },
      maxPixels: 40_000_000,
      timeoutMs: 15_000,
    });
  });
  afterAll(() => preprocessor.close());

  it('differs from Pillow by less than 0.3 of 255 on average, by less than 0.5 in any picture', async (context) => {
    const differences: { name: string; mean: number }[] = [];
    let spent = 0;
    for (const file of readdirSync(images)) {
      const name = basename(file, extname(file));
      const bytes = readFileSync(new URL(encodeURIComponent(file), images));
      const started = performance.now();
      const { data } = await preprocessor.preprocess(bytes);
      spent += performance.now() - started;
      const png = readFileSync(new URL(`${encodeURIComponent(name)}.png`, crops));
      const expected = await sharp(png, { ignoreIcc: true }).removeAlpha().raw().toBuffer();
      expect(data.length).toBe(expected.length);
      let sum = 0;
      for (let i = 0; i < expected.length; i += 1) sum += Math.abs((expected[i] ?? 0) - (data[i] ?? 0));
      differences.push({ name, mean: sum / expected.length });
    }
    const mean = differences.reduce((sum, entry) => sum + entry.mean, 0) / differences.length;
    const worst = differences.reduce((a, b) => (b.mean > a.mean ? b : a));
    const summary = `${differences.length} pictures: mean difference ${mean.toFixed(3)} of 255, worst ${worst.mean.toFixed(3)} (${worst.name}), ${(spent / differences.length).toFixed(1)} ms each`;
    await context.annotate(summary);
    process.stdout.write(`${summary}\n`);
    expect(differences.length).toBeGreaterThan(0);
    expect(mean).toBeLessThan(0.3);
    expect(worst.mean).toBeLessThan(0.5);
  });
});
