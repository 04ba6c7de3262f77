/**
 * BMP through @napi-rs/image, a binding of Rust's image crate that works on libuv's pool, so it never holds the event loop.
 *
 * Chosen by the BMP Suite (jsummers/bmpsuite), against Pillow's pixels: all 27 files of its "good" folder decode and are
 * equal (16-bit ones within rounding), among them 1, 4, 8, 16, 24 and 32 bits, RLE4, RLE8, bit fields, OS/2 1.x headers and
 * rows from the top. fast-bmp 4.0.1 ignores palettes and knows neither 4 nor 16 bits nor RLE; bmp-ts 1.0.9 stops in the
 * first row of odd 4-bit pictures and ignores where the pixels start. Variants that the crate refuses too (OS/2 2.x, embedded
 * JPEG or PNG, alpha bit fields) are named by the structural check before.
 */
import { Transformer } from '@napi-rs/image';
import { ImageError } from '@quintet/images';
import type { Raster } from './crop-with-sharp.js';

export async function decodeBmp(bytes: Buffer): Promise<Raster> {
  const transformer = new Transformer(bytes);
  const { width, height } = await transformer.metadata();
  const data = await transformer.rawPixels();
  const channels = data.length / (width * height);
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new ImageError('image_undecodable', `The BMP decodes to ${channels} bytes a pixel.`);
  }
  return { data, width, height, channels };
}
