import type { ByteReader } from './byte-reader.js';
import { bmpMemory } from './decode-memory.js';
import { checkDimensions, truncated, undecodable, type ImageError, type ImageLimits, type Walk } from './image-info.js';

/** Bytes of the header behind the file header: OS/2 1.x, OS/2 2.x shortened and whole, Windows 3, with masks, V4 and V5. */
const headerSizes: readonly number[] = [12, 16, 40, 52, 56, 64, 108, 124];
const FILE_HEADER = 14;
const CORE_HEADER = 12;
const OS2_HEADER = 64;
const MASKS = 54;

const RGB = 0;
const RLE8 = 1;
const RLE4 = 2;
const BITFIELDS = 3;
/** Windows CE: four masks in place of three. */
const ALPHA_BITFIELDS = 6;

export interface BmpHeader {
  readonly size: number;
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  /** Bits of a pixel. */
  readonly depth: number;
  readonly runLength: boolean;
  /** Bits of red, green and blue, for 16 and 32 bits. */
  readonly masks: readonly [red: number, green: number, blue: number];
  /** Of 1 to 8 bits: where the colours are, blue first, and how many bytes each takes. */
  readonly palette: { readonly at: number; readonly colours: number; readonly colourBytes: 3 | 4 };
  readonly pixelsAt: number;
  /** From the start of a row to that of the next one; not of run-length data. */
  readonly stride: number;
  /** Of a row, without the bytes that fill it up. */
  readonly rowBytes: number;
}

/** 'BM' alone is two letters; the header size makes it a BMP. */
export function isBmp(bytes: ByteReader): boolean {
  return bytes.matches(0, 'BM') && bytes.length >= 18 && headerSizes.includes(bytes.u32le(14));
}

/**
 * Reads the headers of a BMP, as Pillow's BmpImagePlugin does where it is odd: pixels begin where the file header says, also
 * within the palette, but behind the palette where it says "at once" or nothing.
 *
 * @throws ImageError `image_truncated`, or `image_undecodable` for a variant that is not read
 */
export function readBmpHeader(bytes: ByteReader): BmpHeader {
  const size = bytes.u32le(FILE_HEADER);
  bytes.need(FILE_HEADER, size, 'BMP header');
  const core = size === CORE_HEADER;
  const field = (at: number): number => (at + 4 <= FILE_HEADER + size ? bytes.u32le(at) : 0);
  const width = core ? bytes.u16le(18) : bytes.i32le(18);
  const signedHeight = core ? bytes.u16le(20) : bytes.i32le(22);
  const depth = bytes.u16le(core ? 24 : 28);
  const compression = field(30);
  checkVariant(size, depth, compression);
  const hasMasks = compression === BITFIELDS || compression === ALPHA_BITFIELDS;
  // Behind a header that has no room for them.
  const masksBehind = hasMasks && size < 52 ? (compression === BITFIELDS ? 12 : 16) : 0;
  const paletteAt = FILE_HEADER + size + masksBehind;
  const colourBytes = core ? 3 : 4;
  const colours = depth > 8 ? 0 : field(46) > 0 ? field(46) : 2 ** depth;
  if (colours > 65_536) throw variant(`${colours} colours in its palette`);
  const offset = bytes.u32le(10);
  const behindPalette = offset === 0 || (depth <= 8 && offset === FILE_HEADER + size);
  return {
    size,
    width,
    height: Math.abs(signedHeight),
    topDown: signedHeight < 0,
    depth,
    runLength: compression === RLE8 || compression === RLE4,
    masks: hasMasks && depth !== 24 ? readMasks(bytes, depth) : standardMasks(depth),
    palette: { at: paletteAt, colours, colourBytes },
    pixelsAt: behindPalette ? paletteAt + colours * colourBytes : offset,
    stride: Math.ceil((width * depth) / 32) * 4,
    rowBytes: Math.ceil((width * depth) / 8),
  };
}

function checkVariant(size: number, depth: number, compression: number): void {
  const known = compression <= BITFIELDS || compression === ALPHA_BITFIELDS;
  if (size === OS2_HEADER && compression >= BITFIELDS) {
    throw variant(compression === BITFIELDS ? 'Huffman 1D data' : 'run lengths of 24 bits');
  }
  if (!known) throw variant(['JPEG data', 'PNG data'][compression - 4] ?? `compression ${compression}`);
  if (![1, 2, 4, 8, 16, 24, 32].includes(depth)) throw variant(`${depth} bits a pixel`);
  const fits =
    compression === RGB ||
    (compression === RLE8 && depth === 8) ||
    (compression === RLE4 && depth === 4) ||
    ((compression === BITFIELDS || compression === ALPHA_BITFIELDS) && depth >= 16);
  if (!fits) throw variant(`compression ${compression} at ${depth} bits a pixel`);
}

function standardMasks(depth: number): BmpHeader['masks'] {
  return depth === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];
}

function readMasks(bytes: ByteReader, depth: number): BmpHeader['masks'] {
  const masks = [bytes.u32le(MASKS), bytes.u32le(MASKS + 4), bytes.u32le(MASKS + 8)] as const;
  if (depth === 32 && masks.every((mask) => mask === 0)) return standardMasks(depth);
  const isRun = (mask: number): boolean => mask > 0 && Number.isInteger(Math.log2(mask / lowestBit(mask) + 1));
  if (!masks.every((mask) => isRun(mask) && mask < 2 ** depth)) throw variant('bit fields that are no runs of bits');
  return masks;
}

/** The lowest bit that is set, as a number: what a mask is divided by to become the largest value of its channel. */
export function lowestBit(mask: number): number {
  return (mask & -mask) >>> 0;
}

function variant(what: string): ImageError {
  return undecodable(`BMP with ${what} is not supported.`);
}

/** What run-length data of a BMP is read for: its pixels, or only its end. */
interface RunLengthPicture {
  readonly width: number;
  readonly height: number;
  /** 4 or 8 bits. */
  readonly depth: number;
}

/**
 * Reads RLE4 or RLE8 data of a BMP, as Pillow's BmpRleDecoder does: pixels that are skipped, and those behind the end of a row,
 * have index 0; a run ends with its row, literal pixels go on in the next one. The end of a row does nothing where a row is
 * complete, so that zeros in place of data are no picture; nor may the bitmap end before its last row does.
 *
 * @param indexes of width × height zeros, which become palette indexes, rows as they are stored; absent: nothing is kept
 * @returns where the data ends
 * @throws ImageError `image_truncated` if the file ends before them; `image_undecodable` if the bitmap ends early
 */
export function readRunLengths(
  bytes: Uint8Array,
  from: number,
  { width, height, depth }: RunLengthPicture,
  indexes?: Uint8Array,
): number {
  const total = width * height;
  const nibbles = depth === 4;
  let at = from;
  let done = 0;
  let x = 0;
  while (done < total) {
    if (at + 2 > bytes.length) throw cut();
    const count = bytes[at] ?? 0;
    const value = bytes[at + 1] ?? 0;
    at += 2;
    if (count > 0) {
      const run = Math.min(count, Math.max(0, width - x), total - done);
      if (indexes !== undefined) {
        if (!nibbles) indexes.fill(value, done, done + run);
        else for (let i = 0; i < run; i += 1) indexes[done + i] = (i & 1) === 0 ? value >> 4 : value & 15;
      }
      done += run;
      x += run;
    } else if (value === 0) {
      done = Math.ceil(done / width) * width;
      x = 0;
    } else if (value === 1) {
      throw undecodable('The BMP has fewer pixels than it says.');
    } else if (value === 2) {
      if (at + 2 > bytes.length) throw cut();
      const right = bytes[at] ?? 0;
      done += right + (bytes[at + 1] ?? 0) * width;
      x += right;
      if (x > width) x = done % width;
      at += 2;
    } else {
      const literal = Math.min(value, total - done);
      const used = nibbles ? (literal + 1) >> 1 : literal;
      if (at + used > bytes.length) throw cut();
      for (let i = 0; indexes !== undefined && i < literal; i += 1) {
        const byte = bytes[at + (nibbles ? i >> 1 : i)] ?? 0;
        indexes[done + i] = nibbles ? ((i & 1) === 0 ? byte >> 4 : byte & 15) : byte;
      }
      done += literal;
      x += value;
      // Literal pixels fill up whole words.
      at += used + (used & 1);
    }
  }
  // All pixels are there; the codes that end the last row and the bitmap may follow.
  while (bytes[at] === 0 && bytes[at + 1] === 0) at += 2;
  return Math.min(bytes.length, bytes[at] === 0 && bytes[at + 1] === 1 ? at + 2 : at);
}

function cut(): ImageError {
  return truncated('The file ends before its BMP pixels do.');
}

const V5_HEADER = 124;

/**
 * BMP with any header of OS/2 and Windows; a negative height means rows from the top. All pixels must be there; only the bytes
 * that fill up the last row may be missing. The sizes of the file and of the pixels are not believed: many writers get
 * them wrong.
 */
export function walkBmp(bytes: ByteReader, limits: ImageLimits): Walk {
  const header = readBmpHeader(bytes);
  const { width, height, pixelsAt, stride, rowBytes, runLength } = header;
  checkDimensions(width, height, limits);
  let end: number;
  if (runLength) end = readRunLengths(bytes.buffer, pixelsAt, header);
  else {
    bytes.need(pixelsAt, stride * (height - 1) + rowBytes, 'BMP pixels');
    end = Math.min(bytes.length, pixelsAt + stride * height);
  }
  if (header.size === V5_HEADER) end = Math.max(end, colourProfileEnd(bytes));
  return { width, height, frames: 1, end, decodeBytes: bmpMemory(width * height, runLength) };
}

/** LCS 'MBED' (embedded) and 'LINK' profiles are behind the pixels, at an offset from the info header. */
function colourProfileEnd(bytes: ByteReader): number {
  const kind = bytes.u32le(14 + 56);
  if (kind !== 0x4d424544 && kind !== 0x4c494e4b) return 0;
  const start = 14 + bytes.u32le(14 + 112);
  const size = bytes.u32le(14 + 116);
  // The pixels do not need it.
  return start + size <= bytes.length ? start + size : 0;
}
