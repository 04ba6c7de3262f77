import type { ByteReader } from './byte-reader.js';

const ORIENTATION = 274;
const SHORT = 3;

/**
 * Whether the EXIF block at `from` asks for a picture to be turned, or turned over, so that its last row comes first: a
 * decoder then needs all of it before it can give any. What is odd counts as turned, since the estimate must not be too low.
 */
export function isTurned(bytes: ByteReader, from: number, end: number): boolean {
  // In a JPEG always, in a WebP often.
  const start = bytes.matches(from, 'Exif\0\0') ? from + 6 : from;
  const little = bytes.matches(start, 'II*\0');
  if (!little && !bytes.matches(start, 'MM\0*')) return false;
  if (start + 8 > end) return false;
  const u16 = (at: number): number => (little ? bytes.u16le(at) : bytes.u16be(at));
  const directory = start + (little ? bytes.u32le(start + 4) : bytes.u32be(start + 4));
  if (directory + 2 > end) return false;
  const last = Math.min(end, directory + 2 + 12 * u16(directory)) - 12;
  for (let entry = directory + 2; entry <= last; entry += 12) {
    bytes.countPart();
    if (u16(entry) === ORIENTATION && (u16(entry + 2) !== SHORT || turns(u16(entry + 8)))) return true;
  }
  return false;
}

/** Of EXIF's eight orientations, 1 is upright, and 2 mirrors each row by itself. */
export function turns(orientation: number): boolean {
  return orientation >= 3 && orientation <= 8;
}
