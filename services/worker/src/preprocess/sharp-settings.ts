/**
 * How sharp is used, and why.
 *
 * - `ignoreIcc`: embedded profiles are ignored, as Pillow does and as the models were trained. Decoded without resizing, all
 *   19 photos of the reference set that carry a profile are then equal to Pillow's pixels, bit for bit; converted through
 *   their profile, those with an sRGB one are equal too, but calibrated ones (scanners, a display) differ by up to 13 of 255.
 *   (An earlier note had these two the other way round.)
 * - `failOn: 'error'`: libvips stops at real damage and truncation. 'warning', the default, also refuses what browsers and
 *   Pillow show without complaint (stray bytes between JPEG markers, odd PNG text); 'truncated' would let corrupt files
 *   pass as pictures.
 * - `cache(false)`, `concurrency(1)`: no picture is seen twice, and parallelism comes from many jobs, not within one.
 * - Loaders are an allow-list. SVG in particular can reach files and the network; it is refused by its content before, and
 *   here again by the library.
 */
import sharp, { type SharpOptions } from 'sharp';

/** Sets sharp's process-wide state. For composition roots, once, before the first picture. */
export function configureSharp(): void {
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({
    operation: ['VipsForeignLoadJpeg', 'VipsForeignLoadPng', 'VipsForeignLoadWebp', 'VipsForeignLoadHeif'],
  });
}

/** Options for every encoded picture: first frame only (sharp's default of one page). */
export function inputOptions(maxPixels: number): SharpOptions {
  return { ignoreIcc: true, failOn: 'error', limitInputPixels: maxPixels, sequentialRead: true };
}
