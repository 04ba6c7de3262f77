/**
 * How much memory decoding a picture takes, told from its header alone: a few hundred bytes can ask for a gigabyte, and a
 * limit on pixels does not bound that, since a pixel costs 3 bytes in one format and 25 in another.
 *
 * Every figure is the highest that was measured (bench/decode-formats.mjs) with the decoders that the worker uses, rounded
 * up: the memory of its process while it decodes one picture of 20 or 40 megapixels, square or long, over what it had before. It
 * includes the 3 bytes of the decoded picture itself. A header can lie; the decoders refuse what does not agree with it.
 */
import { tooComplex, type ImageLimits } from './image-info.js';
import { linesOf } from './tiff/index.js';
import { CODEC } from './tiff/kinds.js';
import type { TiffPage } from './tiff/page.js';

/** RGB of the picture, from which the crop is made. */
const DECODED = 3;

/** The same of a picture that is decoded in the thread itself, with what its heap grows by. */
const RASTER = 3.2;

/** Of a format that is read row by row, libvips keeps so many rows, with all their samples. */
const ROWS_KEPT = 512;

export interface Size {
  readonly width: number;
  readonly height: number;
}

function rowsKept({ width, height }: Size, bytes: number): number {
  return 1.1 * bytes * width * Math.min(height, ROWS_KEPT);
}

/** The rows that are kept, and the crop: it is no more than a square of the short side. `bytes`: of a pixel as it is stored. */
function rowsMemory(size: Size, bytes: number): number {
  return DECODED * Math.min(size.width, size.height) ** 2 + rowsKept(size, bytes);
}

export interface JpegFrame {
  readonly progressive: boolean;
  /** As in the frame header: the horizontal factor times 16, plus the vertical one. */
  readonly sampling: readonly number[];
}

/** How a JPEG is stored around its frame. */
interface JpegKind extends JpegFrame {
  readonly scans: number;
}

/** How a picture is decoded: in how many parts, each of them from the start of the file, and the most memory that takes. */
export interface Decoding {
  readonly decodeBytes: number;
  readonly parts: number;
}

/** Each part takes as long as the whole picture does. */
const MOST_PARTS = 4;

/**
 * A JPEG is decoded as it is read, whatever way it is turned (geometry.ts in the worker): the rows that are kept, and
 * the crop. Of a progressive one, and of any with several scans, all coefficients are kept, two bytes each, until the
 * last row has been read. CMYK is kept beside the RGB that it becomes. Where all that is more than `most` bytes, the
 * crop is made in parts.
 */
export function jpegMemory(size: Size, { progressive, sampling, scans }: JpegKind, most = Infinity): Decoding {
  const components = sampling.length;
  const crop = 1.05 * (components === 4 ? 4 + DECODED : DECODED) * Math.min(size.width, size.height) ** 2;
  const rows = rowsKept(size, components);
  const kept = progressive || scans > 1 ? rows + 2 * samplesOf(size, sampling) : rows;
  let parts = 1;
  while (parts < MOST_PARTS && kept + crop / parts > most) parts += 1;
  // What more parts do not bring about is left undone.
  if (kept + crop / parts > most) parts = 1;
  return { decodeBytes: kept + crop / parts, parts };
}

/** All components together. */
function samplesOf({ width, height }: Size, sampling: readonly number[]): number {
  const largest = (shift: number): number => Math.max(1, ...sampling.map((factor) => (factor >> shift) & 15));
  const [across, down] = [largest(4), largest(0)];
  return width * height * sampling.reduce((sum, factor) => sum + ((factor >> 4) * (factor & 15)) / (across * down), 0);
}

interface PngKind {
  readonly colourType: number;
  readonly depth: number;
  readonly interlaced: boolean;
  /** See exif-orientation.ts. */
  readonly turned: boolean;
  /** Lengths of the chunks that hold compressed text. */
  readonly packedTexts: readonly number[];
}

/** libpng unpacks text of at most this size, which libvips then copies: 4.3 times as much, measured. */
const LARGEST_TEXT = 8_000_000;
const TEXT_COPIES = 4.4;
/** The best that deflate can do. */
const MOST_PACKED = 1032;

/** Of an interlaced PNG, for each row. */
const ROW_POINTER = 8;

/** A PNG is decoded row by row, one that is interlaced or turned whole: palettes as RGBA, 16 bits as they are. Text is unpacked too. */
export function pngMemory(size: Size, { colourType, depth, interlaced, turned, packedTexts }: PngKind): number {
  const { width, height } = size;
  const bytes = (colourType === 0 || colourType === 4 ? 2 : 4) * (depth === 16 ? 2 : 1);
  const text = packedTexts.reduce((sum, length) => sum + Math.min(LARGEST_TEXT, length * MOST_PACKED), 0);
  const picture =
    interlaced || turned ? width * height * (DECODED + 0.3 + bytes) + height * ROW_POINTER : rowsMemory(size, bytes);
  return picture + text * TEXT_COPIES;
}

/** The canvas as RGB, and an index for each pixel of the first frame: pixels of both. */
export function gifMemory(canvas: number, frame: number): number {
  return canvas * RASTER + frame;
}

export function webpMemory(pixels: number, turned: boolean): number {
  return pixels * (turned ? 10.5 : 9.7);
}

/** RGB, and of run lengths an index for each pixel. */
export function bmpMemory(pixels: number, runLength: boolean): number {
  return pixels * (RASTER + (runLength ? 1 : 0));
}

/** Beside the lines: pieces of 64 KiB to a megabyte, and what libvips or zlib takes for itself. */
const TIFF_BUFFERS = 12e6;
/** Of each strip or tile, until it is collected; that happens before there are a thousand. */
const TIFF_REMAINS = 50_000;
const TIFF_MOST_REMAINS = 1000;
/** Lines are decoded together up to so many bytes. */
const TIFF_BAND = 262_144;

/**
 * Strips and tiles are decoded one after the other, line by line, and only the crop is kept. A strip or tile of JPEG, WebP or ZSTD
 * is decoded as a whole.
 */
export function tiffMemory(page: TiffPage): number {
  const { width, height, chunks, codec, planes } = page;
  const rows = Math.min(chunks.height, height);
  const lines = linesOf(page);
  const band = Math.max(lines.bytes, Math.min(TIFF_BAND, lines.bytes * rows));
  // As they are stored, as bytes, and as RGB.
  const banded = 3 * planes * band + 6 * chunks.width * lines.rows;
  const whole = wholeCodecs.has(codec) ? 1.2 * planes * lines.bytes * Math.ceil(chunks.height / lines.rows) : 0;
  const picture = codec === CODEC.oldJpeg ? 3.3 * width * height : 0;
  const remains = TIFF_REMAINS * Math.min(chunks.count, TIFF_MOST_REMAINS);
  return DECODED * Math.min(width, height) ** 2 + banded + whole + picture + remains + TIFF_BUFFERS;
}

const wholeCodecs: ReadonlySet<number> = new Set([CODEC.jpeg, CODEC.webp, CODEC.zstd]);

interface HeifKind {
  readonly codec: 'avif' | 'heic';
  /** Of the largest coded item: the picture itself, or a tile of it. */
  readonly largestItem: number;
  readonly chroma: '4:2:0' | '4:4:4';
  /** More than 8 bits a sample. */
  readonly deep: boolean;
  /** A grid, whose tiles are decoded one by one where that is HEIC. */
  readonly tiled?: boolean;
}

/** What the heap of WebAssembly grows by, whatever the picture. */
const HEAP = 16_000_000;

/** Bytes of a pixel: its planes, and at most what they and the RGB that is made of them take, for AVIF. */
const avifPixels = {
  flat: { '4:2:0': { planes: 1.5, converted: 6 }, '4:4:4': { planes: 3, converted: 9.5 } },
  deep: { '4:2:0': { planes: 3, converted: 9 }, '4:4:4': { planes: 6, converted: 13.5 } },
} as const;

/** What libaom keeps beside the planes, for each pixel of a coded item: most of it a record of each block of 4 × 4, made in advance. */
const AOM = 13.4;

/**
 * AVIF: the planes of the whole picture, beside those of the item that is being decoded; later they are made RGB. HEIC: the same, and
 * the picture again outside of WebAssembly; of a grid only that, and one tile. The thread that decodes HEIC takes 75 MB more when it starts, which stay for as long
 * as it does: they are not the picture's.
 */
export function heifMemory(pixels: number, { codec, largestItem, chroma, deep, tiled = false }: HeifKind): number {
  if (codec === 'heic') return tiled ? pixels * 3.4 + largestItem * 11 + HEAP : pixels * 11;
  const { planes, converted } = avifPixels[deep ? 'deep' : 'flat'][chroma];
  return Math.max(pixels * converted, pixels * planes + largestItem * (planes + AOM));
}

/** Throws where decoding would take more than is allowed. */
export function checkMemory(
  picture: { readonly width: number; readonly height: number; readonly decodeBytes: number },
  { maxDecodeBytes = Infinity }: ImageLimits,
): void {
  if (picture.decodeBytes <= maxDecodeBytes) return;
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  throw tooComplex(
    `Decoding ${picture.width} × ${picture.height} pixels of this kind takes ${megabytes(picture.decodeBytes)} of ` +
      `memory; at most ${megabytes(maxDecodeBytes)} are allowed.`,
  );
}
