/**
 * Preprocessing against Pillow in every format, with both filters: the pictures are drawn anew, the expectations were written
 * once by bench/parity-expectations.mjs with Pillow itself. Photos of ../shared add cases where they are.
 *
 * A crop without a sample must be Pillow's to the bit. Of the others the difference is estimated from the 196 pixels that the
 * expectations keep.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  meanDifference,
  type ParityCase,
  parityCases,
  photoCases,
  sampleOffset,
  samplePixels,
} from '../../../../test/fixtures/images/index.js';
import { full } from '../../../../test/support/full.js';
import { configureSharp, createPreprocessor, type Preprocessor } from './index.js';

const filters = ['bilinear', 'bicubic'] as const;

interface ExpectedCrop {
  /** SHA-256 of Pillow's crop. */
  readonly crop: string;
  /** Where ours was not equal when the expectations were made: some of Pillow's pixels. */
  readonly sample?: string;
}

interface Expectation extends Readonly<Record<(typeof filters)[number], ExpectedCrop>> {
  readonly name: string;
  /** SHA-256 of the file. */
  readonly input: string;
}

interface Expectations {
  readonly made: { readonly pillow: string; readonly sharp: string; readonly platform: string };
  readonly cases: readonly Expectation[];
  readonly photos: readonly Expectation[];
}

const file = new URL('../../../../test/fixtures/parity/expectations.json', import.meta.url);
const { made, cases, photos } = JSON.parse(readFileSync(file, 'utf8')) as Expectations;
const platform = `${process.platform}-${process.arch}`;
const anew = 'make the expectations anew: node bench/parity-expectations.mjs --python FILE';

/** Means of what was compared; a format's mean must be below the first, each below the second, but for those beyond. */
const bounds = { mean: 0.3, each: 0.5 };
/**
 * Beyond the bounds, and why: libvips' AVIF decoder repeats each chroma sample of 4:2:0 over two by two pixels, where
 * Pillow's interpolates between them. It shows where fine detail is saturated, as it is here and in no photo.
 */
const beyond: ReadonlyMap<string, number> = new Map([
  ['avif 4:2:0, 500 px', 7],
  ['avif 4:2:0, 1280 px', 1.6],
  ['avif enlarged from 180 px', 5.5],
]);

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('parity with Pillow', () => {
  let preprocessors: readonly (readonly [filter: (typeof filters)[number], preprocessor: Preprocessor])[] = [];
  const measured: { name: string; difference: number; exact: boolean; isBeyond: boolean }[] = [];
  const expectations = new Map([...cases, ...photos].map((each) => [each.name, each]));

  beforeAll(() => {
    configureSharp();
    preprocessors = filters.map((interpolation) => {
      const spec = { resize: 256, crop: 224, interpolation };
      return [interpolation, createPreprocessor({ spec, maxPixels: 40_000_000, timeoutMs: 60_000 })];
    });
  });
  afterAll(() => Promise.all(preprocessors.map(([, preprocessor]) => preprocessor.close())));

  const own = parityCases();
  const all = [...own.filter(({ isLong = false }) => full || !isLong), ...photoCases()];

  it('has an expectation for every case', () => {
    expect(
      own.map(({ name }) => name),
      anew,
    ).toEqual(cases.map(({ name }) => name));
  });

  it.each(all.map((each) => [each.name, each] as const))(
    '%s',
    async (name: string, each: ParityCase) => {
      const expected = expectations.get(name);
      if (expected === undefined) throw new Error(`no expectation; ${anew}`);
      const bytes = await each.make();
      if (sha256(bytes) !== expected.input) {
        const why = `the encoder writes other bytes than sharp ${made.sharp} on ${made.platform} did`;
        if (platform !== made.platform) return void process.stdout.write(`not compared: ${name}: ${why}\n`);
        throw new Error(`${why}; ${anew}`);
      }
      for (const [filter, preprocessor] of preprocessors) {
        const { data } = await preprocessor.preprocess(Buffer.from(bytes));
        const { crop, sample } = expected[filter];
        if (sample === undefined) {
          expect(sha256(data), filter).toBe(crop);
          measured.push({ name: `${name}, ${filter}`, difference: 0, exact: true, isBeyond: false });
        } else {
          const pillow = Buffer.from(sample, 'base64');
          const difference = meanDifference(samplePixels(data, sampleOffset(crop)), pillow);
          expect(difference, filter).toBeLessThan(beyond.get(name) ?? bounds.each);
          measured.push({ name: `${name}, ${filter}`, difference, exact: false, isBeyond: beyond.has(name) });
        }
      }
    },
    60_000,
  );

  it('differs by less than 0.3 of 255 on average, in every format', () => {
    const formats = new Set(all.map(({ format }) => format));
    const lines = [...formats].map((format) => {
      const those = measured.filter(({ name }) => name.startsWith(`${format} `));
      const usual = those.filter(({ isBeyond }) => !isBeyond);
      const mean = usual.reduce((sum, { difference }) => sum + difference, 0) / Math.max(1, usual.length);
      expect(mean, format).toBeLessThan(bounds.mean);
      const exact = those.filter((each) => each.exact).length;
      const others = those.filter((each) => !each.exact).map((each) => `${each.name} ${each.difference.toFixed(3)}`);
      return `${format.padEnd(5)} ${String(exact).padStart(3)} of ${those.length} exact; ${others.join('; ')}`;
    });
    process.stdout.write(`Against Pillow ${made.pillow}, of 255:\n${lines.join('\n')}\n`);
  });
});
