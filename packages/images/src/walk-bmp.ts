import { readBmpHeader } from './bmp-header.js';
import { readRunLengths } from './bmp-rle.js';
import type { ByteReader } from './byte-reader.js';
import { bmpMemory } from './decode-memory.js';
import { checkDimensions, type ImageLimits, type Walk } from './image-info.js';

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
