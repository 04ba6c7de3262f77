import { inspectImage } from '@quintet/images';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage, testCard } from '../../../../test/fixtures/images/index.js';
import { configureSharp, createPreprocessor, type Preprocessor } from './index.js';

const options = {
  spec: { resize: 256, crop: 224, interpolation: 'bilinear' },
  maxPixels: 4e6,
  timeoutMs: 60_000,
} as const;
const maxDecodeBytes = 8_000_000;
let free: Preprocessor;
let limited: Preprocessor;

beforeAll(() => {
  configureSharp();
  free = createPreprocessor(options);
  limited = createPreprocessor({ ...options, maxDecodeBytes });
});
afterAll(() => Promise.all([free.close(), limited.close()]));

describe('a JPEG that does not fit at once', () => {
  const [width, height] = [1200, 1100];

  it.each([1, 3, 6])('is decoded in parts, to the same crop, with orientation %i', async (orientation) => {
    const pixels = testCard(width, height);
    const bytes = await makeImage({
      format: 'jpeg',
      progressive: true,
      chroma: '4:2:0',
      width,
      height,
      pixels,
      orientation,
    });
    expect(inspectImage(bytes, { maxPixels: 4e6, maxDecodeBytes }).parts).toBeGreaterThan(1);
    const [whole, inParts] = [await free.preprocess(bytes), await limited.preprocess(bytes)];
    expect([inParts.width, inParts.height]).toEqual([whole.width, whole.height]);
    expect(Buffer.compare(inParts.data, whole.data)).toBe(0);
  });
});
