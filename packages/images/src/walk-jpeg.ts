import type { ByteReader } from './byte-reader.js';
import { jpegMemory, type JpegFrame } from './decode-memory.js';
import { exifOrientation, orientationOf, xmpOrientation } from './exif-orientation.js';
import { checkDimensions, tooComplex, truncated, undecodable, type ImageLimits, type Walk } from './image-info.js';

/**
 * Encoders write at most a dozen scans. A scan costs a decoder time for every block of the picture and its sender 20 bytes
 * (libjpeg-turbo's report LJT-01-003): 882 valid scans, 120 kB in all, keep libvips busy for 5 s.
 */
const MAX_SCANS = 100;
/** In pixels, all scans together: a decoder comes to each block in each of them. */
const MAX_SCANNED = 4e9;

/** EXIF or XMP. */
const APP1 = 0xe1;
/** Start of frame 55 (ITU T.87). */
const JPEG_LS = 0xf7;
const EXIF = 'Exif\0\0';
const XMP = 'http://ns.adobe.com/xap/1.0/\0';

/**
 * JPEG (ITU T.81 annex B): SOI, marker segments, scans of entropy-coded data, EOI.
 *
 * A file that lacks only its EOI is reported as truncated: libjpeg and browsers show such a file by inventing the rest,
 * but nothing in it tells one missing marker from half a missing picture, and every encoder writes the marker.
 * Stray bytes between segments are skipped, as libjpeg does with a warning.
 */
export function walkJpeg(bytes: ByteReader, start: number, limits: ImageLimits): Walk {
  let at = start + 2;
  let width = 0;
  let height = 0;
  let frame: JpegFrame | undefined;
  let scans = 0;
  let exif: number | undefined;
  let xmp: number | undefined;
  for (;;) {
    bytes.countPart();
    at = nextMarker(bytes, at);
    const marker = bytes.u8(at - 1);
    if (marker === 0xd9) break;
    // TEM stands alone.
    if (marker === 0x01) continue;
    if (marker === 0xd8) throw undecodable('A second JPEG starts inside the first.');
    const length = bytes.u16be(at);
    if (length < 2) throw undecodable(`A JPEG segment has the length ${length}.`);
    bytes.need(at, length, 'JPEG segment');
    if (isFrameHeader(marker)) {
      if (frame !== undefined) throw undecodable('The JPEG has two frame headers.');
      frame = readFrame(bytes, marker, at, length);
      height = bytes.u16be(at + 3);
      width = bytes.u16be(at + 5);
      checkDimensions(width, height, limits);
    }
    if (marker === APP1 && bytes.matches(at + 2, XMP)) {
      xmp = xmpOrientation(bytes.buffer.subarray(at + 2, at + length));
    } else if (marker === APP1 && bytes.matches(at + 2, EXIF)) {
      exif ??= exifOrientation(bytes, at + 2, at + length);
    }
    at += length;
    if (marker === 0xda) {
      if (frame === undefined) throw undecodable('A JPEG scan comes before the frame header.');
      scans += 1;
      if (scans > MAX_SCANS) throw undecodable(`The JPEG has more than ${MAX_SCANS} scans.`);
    }
  }
  if (frame === undefined || scans === 0) {
    throw undecodable('The JPEG holds no picture data.');
  }
  const orientation = orientationOf({ exif, xmp });
  const decoding = jpegMemory({ width, height }, { ...frame, scans }, limits.maxDecodeBytes);
  if (scans * decoding.parts * width * height > MAX_SCANNED) {
    throw tooComplex(`The JPEG has ${scans} scans of ${width} × ${height} pixels.`);
  }
  return { width, height, frames: 1, orientation, end: at, ...decoding };
}

/** The offset after the next marker. Passes entropy-coded data (stuffed zeros, restart markers) and fill bytes. */
function nextMarker(bytes: ByteReader, from: number): number {
  const { buffer } = bytes;
  const last = buffer.length - 1;
  // A plain loop: Buffer.indexOf is faster between markers, but its call costs 20 times more where they are dense, and
  // the sender chooses. 32 MiB take the same 32 ms whatever they hold.
  for (let at = from; at < last; at += 1) {
    if (buffer[at] !== 0xff) continue;
    const code = buffer[at + 1] ?? 0;
    if (code === 0xff || code === 0x00 || (code >= 0xd0 && code <= 0xd7)) continue;
    return at + 2;
  }
  throw truncated('The JPEG ends before its end-of-image marker.');
}

function isFrameHeader(marker: number): boolean {
  if (marker === JPEG_LS) return true;
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** By start of frame: what no decoder here knows. */
const kindsUnknown: ReadonlyMap<number, string> = new Map([
  [0xc3, 'a lossless'],
  [0xc5, 'a hierarchical'],
  [0xc6, 'a hierarchical'],
  [0xc7, 'a lossless hierarchical'],
  [0xcb, 'a lossless arithmetic-coded'],
  [0xcd, 'a hierarchical arithmetic-coded'],
  [0xce, 'a hierarchical arithmetic-coded'],
  [0xcf, 'a lossless hierarchical arithmetic-coded'],
  [JPEG_LS, 'a JPEG-LS, not a'],
]);

function readFrame(bytes: ByteReader, marker: number, at: number, length: number): JpegFrame {
  // Baseline, extended and progressive, Huffman or arithmetic, are left to the decoder.
  const kind = kindsUnknown.get(marker);
  if (kind !== undefined) throw undecodable(`The file is ${kind} JPEG, which is not supported.`);
  const components = bytes.u8(at + 7);
  if (length < 8 + 3 * components || components === 0 || components > 4) {
    throw undecodable('The JPEG frame header is malformed.');
  }
  const precision = bytes.u8(at + 2);
  if (precision !== 8) {
    throw undecodable(`JPEG with ${precision} bits a sample is not supported.`);
  }
  const sampling = Array.from({ length: components }, (_, i) => bytes.u8(at + 9 + 3 * i));
  return { progressive: marker === 0xc2 || marker === 0xca, sampling };
}
