/**
 * How much memory decoding a picture takes, told from its header alone: a few hundred bytes can ask for a gigabyte, and a
 * limit on pixels does not bound that, since a pixel costs 3 bytes in one format and 25 in another.
 *
 * Every figure is the highest that was measured (bench/decode-formats.mjs) with the decoders that the worker uses, rounded
 * up: the memory of its process while it decodes one picture of 20 or 40 megapixels, over what it had before, for each pixel. It
 * includes the 3 bytes of the decoded picture itself. A header can lie; the decoders refuse what does not agree with it.
 */
import { ImageError } from './image-error.js';
import type { ImageLimits } from './image-info.js';

/** RGB of the picture, from which the crop is made. */
const DECODED = 3;

export interface JpegFrame {
  readonly progressive: boolean;
  /** As in the frame header: the horizontal factor times 16, plus the vertical one. */
  readonly sampling: readonly number[];
}

/**
 * A JPEG of one scan is decoded as it is read. Of a progressive one, and of any with several scans, all coefficients are
 * kept, two bytes each. CMYK is kept beside the RGB that it becomes.
 */
export function jpegMemory(pixels: number, { progressive, sampling }: JpegFrame, scans: number): number {
  const decoded = sampling.length === 4 ? 7 : DECODED;
  if (!progressive && scans === 1) return pixels * decoded;
  const most = (shift: number): number => Math.max(1, ...sampling.map((factor) => (factor >> shift) & 15));
  const [across, down] = [most(4), most(0)];
  const samples = sampling.reduce((sum, factor) => sum + ((factor >> 4) * (factor & 15)) / (across * down), 0);
  return pixels * (decoded + 2 * samples);
}

export interface PngKind {
  readonly colourType: number;
  readonly depth: number;
  readonly interlaced: boolean;
  /** Lengths of the chunks that hold compressed text. */
  readonly packedTexts: readonly number[];
}

/** libpng unpacks text of at most this size, which libvips then copies: 4.3 times as much, measured. */
const LARGEST_TEXT = 8_000_000;
const TEXT_COPIES = 4.4;
/** The best that deflate can do. */
const MOST_PACKED = 1032;

/** A PNG is decoded row by row, an interlaced one whole: palettes as RGBA, 16 bits as they are. Text is unpacked too. */
export function pngMemory(pixels: number, { colourType, depth, interlaced, packedTexts }: PngKind): number {
  const samples = colourType === 0 || colourType === 4 ? 2 : 4;
  const whole = interlaced ? samples * (depth === 16 ? 2 : 1) : 0;
  const text = packedTexts.reduce((sum, length) => sum + Math.min(LARGEST_TEXT, length * MOST_PACKED), 0);
  return pixels * (DECODED + 0.3 + whole) + text * TEXT_COPIES;
}

/** The canvas as RGBA, and a record for each frame. */
export function gifMemory(pixels: number, frames: number): number {
  return pixels * 6.8 + frames * 100;
}

export function webpMemory(pixels: number): number {
  return pixels * 9.7;
}

export function bmpMemory(pixels: number, depth: number): number {
  return pixels * (depth === 32 ? 12 : 6.5);
}

export interface TiffKind {
  /** Bits of a pixel, all samples together. */
  readonly bits: number;
  /** Each sample in strips of its own. */
  readonly planar: boolean;
  readonly width: number;
  readonly tile: { readonly width: number; readonly height: number } | undefined;
}

/** Strips are decoded row by row, but separate planes whole; of tiles, two rows are kept. */
export function tiffMemory(pixels: number, { bits, planar, width, tile }: TiffKind): number {
  const decoded = pixels * (DECODED + 0.5 + (planar ? Math.ceil(bits / 8) : 0));
  if (tile === undefined) return decoded;
  return decoded + 2 * Math.ceil(width / tile.width) * tile.width * tile.height * Math.ceil(bits / 8);
}

export interface HeifKind {
  readonly codec: 'avif' | 'heic';
  /** Of the largest coded item: the picture itself, or a tile of it. */
  readonly largestItem: number;
  readonly chroma: '4:2:0' | '4:4:4';
  /** More than 8 bits a sample. */
  readonly deep: boolean;
}

/**
 * The whole picture as planes and as RGB, and what the codec needs for one coded item. The thread that
 * decodes HEIC takes 75 MB more when it starts, which stay for as long as it does: they are not the picture's.
 */
export function heifMemory(pixels: number, { codec, largestItem, chroma, deep }: HeifKind): number {
  if (codec === 'heic') return pixels * 11;
  const planes = deep ? { '4:2:0': 9, '4:4:4': 13.5 } : { '4:2:0': 6, '4:4:4': 9.5 };
  return pixels * planes[chroma] + largestItem * (deep ? 12 : 11);
}

/** Throws where decoding would take more than is allowed. */
export function checkMemory(
  picture: { readonly width: number; readonly height: number; readonly decodeBytes: number },
  { maxDecodeBytes = Infinity }: ImageLimits,
): void {
  if (picture.decodeBytes <= maxDecodeBytes) return;
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  throw new ImageError(
    'image_too_complex',
    `Decoding ${picture.width} × ${picture.height} pixels of this kind takes ${megabytes(picture.decodeBytes)} of ` +
      `memory; at most ${megabytes(maxDecodeBytes)} are allowed.`,
  );
}
