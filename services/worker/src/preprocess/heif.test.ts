/** AVIF and HEIC whose file is not what a decoder reads: image sequences, grey of limited range, bytes behind. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { greyAvif } from '../../../../test/fixtures/images/grey-avif.js';
import { heifSequence } from '../../../../test/fixtures/images/heif-sequence.js';
import { encodeHeic } from '../../../../test/fixtures/images/heic-photo.js';
import { heicSample, makeImage, testCard } from '../../../../test/fixtures/images/index.js';
import { heifGrid } from '../../../../test/support/hostile/heif-grid.js';
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

describe('a grid of HEIC, whose tiles are decoded one by one', () => {
  const side = 64;
  const tile = testCard(side, side);

  it.each([
    [192, 128],
    [172, 118],
  ])('gives the crop of one picture of %i × %i', async (width, height) => {
    const data = new Uint8Array(width * height * 3);
    for (let i = 0; i < data.length; i += 1) {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
      data[i] = tile.data[((y % side) * side + (x % side)) * 3 + (i % 3)] ?? 0;
    }
    const grid = heifGrid(encodeHeic(tile), { rows: 2, columns: 3, claimed: { width, height } });
    const whole = encodeHeic({ data, width, height });
    // The tiles of the grid say nothing of colours either.
    whole.write('free', whole.indexOf('colr'), 'latin1');
    await expectSame(grid, whole);
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
