import type { ByteReader } from './byte-reader.js';
import { bmpMemory } from './decode-memory.js';
import { ImageError } from './image-error.js';
import { checkDimensions, type ImageLimits, type Walk } from './image-info.js';

const CORE_HEADER = 12;
const headerSizes: readonly number[] = [CORE_HEADER, 16, 40, 52, 56, 64, 108, 124];
const RGB = 0;
const RLE8 = 1;
const RLE4 = 2;
const BITFIELDS = 3;

/** 'BM' alone is two letters; the header size makes it a BMP. */
export function isBmp(bytes: ByteReader): boolean {
  return bytes.matches(0, 'BM') && bytes.length >= 18 && headerSizes.includes(bytes.u32le(14));
}

/**
 * BMP with a CORE, INFO, V2 to V5 header; a negative height means rows from the top. The pixel array must be there in
 * full. The file size field is not believed: many writers get it wrong.
 */
export function walkBmp(bytes: ByteReader, limits: ImageLimits): Walk {
  const headerSize = bytes.u32le(14);
  if (headerSize === 16 || headerSize === 64) throw variant('an OS/2 2.x header');
  bytes.need(14, headerSize, 'BMP header');
  const core = headerSize === CORE_HEADER;
  const width = core ? bytes.u16le(18) : bytes.i32le(18);
  const signedHeight = core ? bytes.u16le(20) : bytes.i32le(22);
  const height = Math.abs(signedHeight);
  checkDimensions(width, height, limits);
  const depth = bytes.u16le(core ? 24 : 28);
  const compression = core ? RGB : bytes.u32le(30);
  checkVariant(depth, compression, signedHeight < 0);
  const offset = bytes.u32le(10);
  if (offset < 14 + headerSize) throw new ImageError('image_undecodable', 'The BMP pixels overlap the header.');
  let end: number;
  if (compression === RLE8 || compression === RLE4) {
    const size = bytes.u32le(34);
    // Zero is wrong here and yet written; the least run-length data is one end-of-bitmap code.
    end = offset + (size > 0 ? size : 2);
  } else {
    const stride = Math.ceil((width * depth) / 32) * 4;
    end = offset + stride * height;
  }
  bytes.need(offset, end - offset, 'BMP pixels');
  if (headerSize === 124) end = Math.max(end, colourProfileEnd(bytes));
  return { width, height, frames: 1, end, decodeBytes: bmpMemory(width * height, depth) };
}

function checkVariant(depth: number, compression: number, topDown: boolean): void {
  if (compression > BITFIELDS) {
    throw variant(['JPEG data', 'PNG data', 'alpha bit fields'][compression - 4] ?? `compression ${compression}`);
  }
  if (![1, 2, 4, 8, 16, 24, 32].includes(depth)) throw variant(`${depth} bits a pixel`);
  const fits =
    compression === RGB ||
    (compression === RLE8 && depth === 8) ||
    (compression === RLE4 && depth === 4) ||
    (compression === BITFIELDS && (depth === 16 || depth === 32));
  if (!fits) throw variant(`compression ${compression} at ${depth} bits a pixel`);
  if (topDown && (compression === RLE8 || compression === RLE4)) throw variant('run-length rows from the top');
}

/** LCS 'MBED' (embedded) and 'LINK' profiles stand behind the pixels, at an offset from the info header. */
function colourProfileEnd(bytes: ByteReader): number {
  const kind = bytes.u32le(14 + 56);
  if (kind !== 0x4d424544 && kind !== 0x4c494e4b) return 0;
  const start = 14 + bytes.u32le(14 + 112);
  const size = bytes.u32le(14 + 116);
  bytes.need(start, size, 'colour profile');
  return start + size;
}

function variant(what: string): ImageError {
  return new ImageError('image_undecodable', `BMP with ${what} is not supported.`);
}
