/** Decoding of TIFFs by the worker's own decoder alone. */
import { ImageError, inspectImage } from '@quintet/images';
import { cropTiff } from '../../../services/worker/src/preprocess/tiff/crop-tiff.js';
import { testCard } from '../../fixtures/images/index.js';
import { type TiffCodec, tiffCodecs } from './tiff-packers.js';
import type { TiffPicture } from './tiff-pictures.js';

export const tiffLimits = { maxPixels: 1_000_000, timeoutMs: 60_000 };
/** Of the test card. */
export const side = 45;
export const card = testCard(side, side);
export const codecs = Object.keys(tiffCodecs) as TiffCodec[];

/** A square picture as it is, without any resizing; through the check that the API makes, too. */
export async function decode(bytes: Buffer): Promise<Uint8Array> {
  const { width } = inspectImage(bytes, { ...tiffLimits, maxDecodeBytes: 300_000_000 });
  const { data } = await cropTiff(bytes, { resize: width, crop: width, interpolation: 'bilinear' }, tiffLimits);
  return data;
}

export async function refusal(bytes: Buffer): Promise<ImageError> {
  try {
    await decode(bytes);
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
  throw new Error('it was decoded');
}

export const orders = [
  { order: 'II' },
  { order: 'MM' },
  { order: 'II', big: true },
  { order: 'MM', big: true },
] as const;
export const layouts: readonly Omit<TiffPicture, 'pixels'>[] = [
  {},
  { rowsPerStrip: 7 },
  { rowsPerStrip: 1 },
  { tile: { width: 16, height: 32 } },
  { tile: { width: 64, height: 64 } },
];
