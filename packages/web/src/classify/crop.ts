/** Which part of a picture the model sees: a square in its middle, as the workers cut it out (services/worker/src/preprocess). */
import type { Explanation, Preprocess } from '../api/types.js';

/** A part of a picture, in fractions of its width and height. */
export type Region = Explanation['region'];

/**
 * The square that is left of a picture of `width` × `height` whose short side becomes `resize` pixels and of which the middle
 * `crop` × `crop` are cut out. It differs from the workers' by their rounding to whole pixels, less than one of `resize`.
 * Which way the picture was turned does not matter: its middle stays its middle.
 */
export function cropRegion(width: number, height: number, { resize, crop }: Preprocess): Region {
  const side = (Math.min(width, height) * crop) / resize;
  const share = { width: side / width, height: side / height };
  return { left: (1 - share.width) / 2, top: (1 - share.height) / 2, ...share };
}

/** Of the picture's area. A square picture keeps three quarters, which needs no word; a photo of 4:3 keeps less. */
const worthSaying = 2 / 3;

/** Whether so much is cut off that what the model did not see may matter. */
export function isCropWorthShowing({ width, height }: Region): boolean {
  return width * height < worthSaying;
}
