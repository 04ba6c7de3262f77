/**
 * BMP to RGB, as Pillow's `convert('RGB')` gives it, to the bit: alpha is dropped, palette entries that are missing are black,
 * channels of fewer than 8 bits are rounded down (Pillow's Unpack.c, BGR;15 and BGR;16).
 *
 * A decoder of our own, since none that could be had is right: the image crate (@napi-rs/image) shows skipped pixels of
 * run-length data as black, refuses pixels that begin within the palette and rounds 16 bits otherwise; fast-bmp 4.0.1 ignores
 * palettes and knows neither 4 nor 16 bits nor run lengths; bmp-ts 1.0.9 stops in the first row of odd 4-bit pictures and ignores
 * where the pixels start; libvips reads no BMP at all in sharp's build.
 */
import { type BmpHeader, ByteReader, lowestBit, readBmpHeader, readRunLengths } from '@quintet/images';
import type { Raster } from './crop-with-sharp.js';

/** One row: from the file's bytes at `from` to RGB at `to`. */
type ReadRow = (from: number, to: number) => void;

/**
 * Decodes a whole BMP that `inspectImage` has accepted, in the calling thread.
 *
 * @throws ImageError for a variant that is not read
 */
export function decodeBmp(bytes: Buffer): Raster {
  const header = readBmpHeader(new ByteReader(bytes));
  const { width, height, topDown, pixelsAt, stride, runLength, depth } = header;
  const data = new Uint8Array(width * height * 3);
  const indexes = runLength ? new Uint8Array(width * height) : undefined;
  if (indexes !== undefined) readRunLengths(bytes, pixelsAt, header, indexes);
  const source = indexes ?? bytes;
  const [start, step] = indexes === undefined ? [pixelsAt, stride] : [0, width];
  const readRow = depth <= 8 ? paletteRow(bytes, source, data, header) : colourRow(bytes, data, header);
  for (let row = 0; row < height; row += 1) {
    readRow(start + row * step, (topDown ? row : height - 1 - row) * width * 3);
  }
  return { data, width, height };
}

function paletteRow(bytes: Buffer, source: Uint8Array, data: Uint8Array, header: BmpHeader): ReadRow {
  const { width, palette, runLength } = header;
  const depth = runLength ? 8 : header.depth;
  const colours = new Uint8Array(256 * 3);
  for (let index = 0; index < Math.min(256, palette.colours); index += 1) {
    const at = palette.at + index * palette.colourBytes;
    for (let channel = 0; channel < 3; channel += 1) colours[3 * index + channel] = bytes[at + 2 - channel] ?? 0;
  }
  const perByte = 8 / depth;
  const mask = 2 ** depth - 1;
  return (from, to) => {
    for (let x = 0; x < width; x += 1) {
      const byte = source[from + Math.trunc(x / perByte)] ?? 0;
      const at = 3 * ((byte >> (8 - depth * (1 + (x % perByte)))) & mask);
      data[to + 3 * x] = colours[at] ?? 0;
      data[to + 3 * x + 1] = colours[at + 1] ?? 0;
      data[to + 3 * x + 2] = colours[at + 2] ?? 0;
    }
  };
}

/** Channels of whole bytes are copied; others are scaled to 8 bits. */
function colourRow(bytes: Buffer, data: Uint8Array, { width, depth, masks }: BmpHeader): ReadRow {
  const pixelBytes = depth / 8;
  const inBytes = masks.map((mask) => [0xff, 0xff00, 0xff0000, 0xff000000].indexOf(mask));
  const [red = -1, green = -1, blue = -1] = inBytes;
  if (Math.min(red, green, blue) >= 0) {
    return (from, to) => {
      for (let x = 0, at = from, out = to; x < width; x += 1, at += pixelBytes, out += 3) {
        data[out] = bytes[at + red] ?? 0;
        data[out + 1] = bytes[at + green] ?? 0;
        data[out + 2] = bytes[at + blue] ?? 0;
      }
    };
  }
  const read = masks.map((mask) => channelReader(mask, depth));
  const [redOf = zero, greenOf = zero, blueOf = zero] = read;
  return (from, to) => {
    for (let x = 0, at = from, out = to; x < width; x += 1, at += pixelBytes, out += 3) {
      const pixel = depth === 16 ? bytes.readUInt16LE(at) : bytes.readUInt32LE(at);
      data[out] = redOf(pixel);
      data[out + 1] = greenOf(pixel);
      data[out + 2] = blueOf(pixel);
    }
  };
}

type ChannelOf = (pixel: number) => number;
const zero: ChannelOf = () => 0;

/** Of 16 bits by a table: there are few values, and a division for each pixel would take longer than all else. */
function channelReader(mask: number, depth: number): ChannelOf {
  const unit = lowestBit(mask);
  const most = mask / unit;
  const scaled: ChannelOf = (pixel) => Math.floor(((((pixel & mask) >>> 0) / unit) * 255) / most);
  if (depth !== 16) return scaled;
  const table = Uint8Array.from({ length: 65_536 }, (_value, pixel) => scaled(pixel));
  return (pixel) => table[pixel] ?? 0;
}
