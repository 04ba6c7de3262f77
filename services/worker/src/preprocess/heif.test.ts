/** AVIF and HEIC whose file is not what a decoder reads: image sequences, grey of limited range, bytes behind. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { greyAvif } from '../../../../test/fixtures/images/grey-avif.js';
import { heifSequence } from '../../../../test/fixtures/images/heif-sequence.js';
import { encodeHeic } from '../../../../test/fixtures/images/heic-photo.js';
import { heicSample, makeImage, testCard } from '../../../../test/fixtures/images/index.js';
import { configureSharp, createPreprocessor, type Preprocessor } from './index.js';

const spec = { resize: 256, crop: 224, interpolation: 'bilinear' } as const;
let preprocessor: Preprocessor;

beforeAll(() => {
  configureSharp();
  preprocessor = createPreprocessor({ spec, maxPixels: 1_000_000, timeoutMs: 15_000 });
});
afterAll(() => preprocessor.close());

const cropOf = async (file: Buffer): Promise<Uint8Array> => (await preprocessor.preprocess(Buffer.from(file))).data;

async function expectSame(file: Buffer, other: Buffer): Promise<void> {
  expect(Buffer.compare(await cropOf(file), await cropOf(other))).toBe(0);
}

describe('an image sequence', () => {
  it('of AV1 gives the crop of its first frame', async () => {
    const still = await makeImage({ format: 'avif', width: 120, height: 90 });
    for (const keepsItem of [false, true]) {
      await expectSame(heifSequence(still, { brand: 'avis', frames: 2, keepsItem }), still);
    }
  });

  it('of HEVC does so too', async () => {
    const still = encodeHeic(testCard(128, 64));
    await expectSame(heifSequence(still, { brand: 'hevc', frames: 2 }), still);
  });
});

describe('grey AVIF', () => {
  it('of limited range has 16 as black and 235 as white', async () => {
    const [full, limited] = [await cropOf(greyAvif({ full: true })), await cropOf(greyAvif({ full: false }))];
    const expected = full.map((value) => Math.max(0, Math.min(255, Math.round(((value - 16) * 255) / 219))));
    expect(new Set(full).size).toBe(256 - 38);
    expect(Buffer.compare(limited, expected)).toBe(0);
  });
});

describe('bytes behind the last box', () => {
  it('change nothing', async () => {
    for (const whole of [heicSample(), await makeImage({ format: 'avif', width: 64, height: 48 })]) {
      for (const tail of ['\r\n', 'abc', '\0'.repeat(7), '\x81'.repeat(60)]) {
        await expectSame(Buffer.concat([whole, Buffer.from(tail, 'latin1')]), whole);
      }
    }
  });
});
