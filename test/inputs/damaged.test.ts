/**
 * Damaged pictures of every format and layout, by code and with a seed: cut, overwritten, zeroed, swapped, with wrong lengths, and in one
 * tile, strip, run, block, chunk or box alone. None may be answered as a black picture, and, where Pillow is at hand, none may be a
 * picture that Pillow refuses, but for the kinds of pillow-differences.ts.
 */
import { ImageError, inspectImage } from '@quintet/images';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configureSharp, createPreprocessor, type Preprocessor } from '../../services/worker/src/preprocess/index.js';
import { full } from '../support/full.js';
import { type HostileCase, mutationCases } from '../support/hostile/corpus.js';
import { documentedReason } from '../support/hostile/pillow-differences.js';
import { type Pillow, startPillow } from '../support/hostile/pillow.js';
import { patienceMs } from '../support/service-process.js';

const limits = { maxPixels: 40_000_000, maxDecodeBytes: 300_000_000 };
const spec = { resize: 256, crop: 224, interpolation: 'bilinear' } as const;
/** These ask for much, or are whole photos: test/faults/hostile-files.test.ts has them. */
const costly = /^(swell|stretch)\/|\/photo-/;
/** Seed pictures whose data say of every damage that it is a picture, a black one for zeros: Pillow shows the same. */
const unchecked = /\/(bmp-|tiff-none|tiff-tiles-none|tiff-fax|tiff-packbits)/;
/** One in so many. */
const oneOf = full ? 1 : 6;

const found = await startPillow();
const pillow: Pillow | undefined = 'missing' in found ? undefined : found;

describe('damaged pictures', () => {
  let preprocessor: Preprocessor;
  const succeeded: { readonly each: HostileCase; readonly bytes: Buffer }[] = [];

  beforeAll(() => {
    configureSharp();
    preprocessor = createPreprocessor({ spec, ...limits, timeoutMs: patienceMs });
  });
  afterAll(async () => {
    pillow?.close();
    await preprocessor.close();
  });

  it('fail, or are answered by what is left of them, never as black', async () => {
    const cases = (await mutationCases('inputs')).filter(({ name }) => !costly.test(name));
    const black: string[] = [];
    for (const each of cases.filter((_case, index) => index % oneOf === 0)) {
      const bytes = Buffer.from(await each.make());
      try {
        const { data } = await preprocessor.preprocess(bytes, inspectImage(bytes, limits));
        succeeded.push({ each, bytes });
        if (data.every((value) => value === 0) && !unchecked.test(each.name)) black.push(each.name);
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
      }
    }
    expect(black).toEqual([]);
    expect(succeeded.length).toBeGreaterThan(100);
  });

  // Pillow only adds to what is asserted, as the photos of ../shared do: where it is not at hand, `npm run fuzz` says so.
  if (pillow === undefined) return;
  it('are no pictures where Pillow refuses them', async () => {
    const violations: string[] = [];
    for (const { each, bytes } of succeeded) {
      const opinion = await pillow.judge(bytes);
      const refused = 'refused' in opinion ? opinion.refused : null;
      if (refused === null || documentedReason(bytes, refused) !== undefined) continue;
      violations.push(`${each.name}: ${refused}`);
    }
    expect(violations).toEqual([]);
  });
});
