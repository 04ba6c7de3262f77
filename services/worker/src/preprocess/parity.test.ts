/**
 * Preprocessing against Pillow in every format: the pictures are made anew from the shared photos, the expectations were
 * written once by bench/parity-expectations.mjs with Pillow itself.
 *
 * A case marked exact must be Pillow's crop to the bit. Of the others the difference is estimated from the 196 pixels that
 * the expectations keep.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  havePhotos,
  meanDifference,
  type ParityCase,
  parityCases,
  sampleOffset,
  samplePixels,
} from '../../../../test/fixtures/images/index.js';
import { configureSharp, createPreprocessor, type Preprocessor } from './index.js';

interface Expectation {
  readonly name: string;
  /** The mode in which Pillow opens the file. */
  readonly mode: string;
  /** SHA-256 of the file and of Pillow's crop. */
  readonly input: string;
  readonly crop: string;
  readonly exact: boolean;
  /** Mean difference over the whole crop, when the expectations were made. */
  readonly difference: number;
  readonly sample: string;
}

interface Expectations {
  readonly made: { readonly pillow: string; readonly sharp: string; readonly platform: string };
  readonly cases: readonly Expectation[];
}

const file = new URL('../../../../test/fixtures/parity/expectations.json', import.meta.url);
const { made, cases } = JSON.parse(readFileSync(file, 'utf8')) as Expectations;
const platform = `${process.platform}-${process.arch}`;
const anew = 'make the expectations anew: node bench/parity-expectations.mjs --python FILE';

/** Means of what was compared; all means must be below the first, each below the second. */
const bounds = { mean: 0.3, each: 0.5 };
/**
 * Beyond the bounds, and why: libvips' AVIF decoder repeats each chroma sample of 4:2:0 over two by two pixels, where
 * Pillow's interpolates between them. It shows where neither shrinking nor a smooth picture hides it.
 */
const beyond: ReadonlyMap<string, number> = new Map([['avif 4:2:0, 500 px', 0.9]]);

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe.skipIf(!havePhotos)('parity with Pillow (needs ../shared)', () => {
  let preprocessor: Preprocessor;
  const measured: { name: string; mode: string; difference: number; exact: boolean }[] = [];
  const expectations = new Map(cases.map((each) => [each.name, each]));

  beforeAll(() => {
    configureSharp();
    preprocessor = createPreprocessor({
      spec: { resize: 256, crop: 224, interpolation: 'bilinear' },
      maxPixels: 40_000_000,
      timeoutMs: 60_000,
    });
  });
  afterAll(() => preprocessor.close());

  const all = havePhotos ? parityCases() : [];

  it('has an expectation for every case', () => {
    expect(
      all.map(({ name }) => name),
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
      const { data } = await preprocessor.preprocess(bytes);
      const sample = samplePixels(data, sampleOffset(expected.crop));
      const difference = meanDifference(sample, Buffer.from(expected.sample, 'base64'));
      measured.push({ name, mode: expected.mode, difference, exact: expected.exact });
      expect(difference).toBeLessThan(beyond.get(name) ?? bounds.each);
      if (expected.exact) expect(sha256(data)).toBe(expected.crop);
    },
    30_000,
  );

  it('differs by less than 0.3 of 255 on average, in every format', () => {
    const formats = new Set(all.map(({ format }) => format));
    const lines = [...formats].map((format) => {
      const those = measured.filter(({ name }) => name.startsWith(`${format} `));
      const mean = those.reduce((sum, { difference }) => sum + difference, 0) / Math.max(1, those.length);
      expect(mean, format).toBeLessThan(bounds.mean);
      const exact = those.filter((each) => each.exact).length;
      const others = those.filter((each) => !each.exact).map((each) => `${each.name} ${each.difference.toFixed(3)}`);
      return `${format.padEnd(5)} ${String(exact).padStart(3)} of ${those.length} exact; ${others.join('; ')}`;
    });
    process.stdout.write(`Against Pillow ${made.pillow}, of 255:\n${lines.join('\n')}\n`);
  });
});
