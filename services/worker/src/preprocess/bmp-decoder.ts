/**
 * BMP through @napi-rs/image, a binding of Rust's image crate that works on libuv's pool, so it never holds the event loop.
 *
 * Chosen by the BMP Suite (jsummers/bmpsuite), against Pillow's pixels: all 27 files of its "good" folder decode and are
 * equal (16-bit ones after what is done below), among them 1, 4, 8, 16, 24 and 32 bits, RLE4, RLE8, bit fields, OS/2 1.x headers and
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
  if (bytes.readUInt16LE(28) === 16 && channels === 3) roundAsPillow(data, bytes);
  return { data, width, height, channels };
}

/** Pillow rounds the 5 or 6 bits of a 16-bit BMP's channel down when it makes 8 of them, the crate to the nearest. */
function roundAsPillow(data: Uint8Array, bytes: Buffer): void {
  const bitFields = bytes.readUInt32LE(30) === 3;
  const tables = [0, 1, 2].map((channel) => {
    const most = bitFields ? 2 ** bitsOf(bytes.readUInt32LE(54 + 4 * channel)) - 1 : 31;
    return Uint8Array.from({ length: 256 }, (_value, v) => Math.floor((Math.round((v * most) / 255) * 255) / most));
  });
  const [red = data, green = data, blue = data] = tables;
  for (let at = 0; at < data.length; at += 3) {
    data[at] = red[data[at] ?? 0] ?? 0;
    data[at + 1] = green[data[at + 1] ?? 0] ?? 0;
    data[at + 2] = blue[data[at + 2] ?? 0] ?? 0;
  }
}

function bitsOf(mask: number): number {
  return mask.toString(2).replaceAll('0', '').length;
}
