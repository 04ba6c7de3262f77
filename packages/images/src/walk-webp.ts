import type { ByteReader } from './byte-reader.js';
import { webpMemory } from './decode-memory.js';
import { exifOrientation, type OrientationTags, orientationOf, turns, xmpOrientation } from './exif-orientation.js';
import { checkDimensions, tooComplex, undecodable, type ImageLimits, type Walk } from './image-info.js';

/**
 * libwebp looks for each frame among all before it: 100 000 of a few bytes, 17 MB in all, keep it busy for minutes. An
 * animation of this many frames would last five minutes at 30 a second.
 */
const MAX_FRAMES = 10_000;

/** Of VP8X: libwebp gives no metadata that its flags do not announce. */
const EXIF_FLAG = 0x08;
const XMP_FLAG = 0x04;

/** WebP (RFC 9649): RIFF with a VP8 or VP8L chunk, or VP8X with a canvas and one or more frames. */
export function walkWebp(bytes: ByteReader, limits: ImageLimits): Walk {
  const size = bytes.u32le(4);
  bytes.need(8, size, 'RIFF chunk');
  const end = 8 + size;
  const walk = { canvasWidth: 0, canvasHeight: 0, width: 0, height: 0, frames: 0 };
  let at = 12;
  let flags = 0;
  const tags: { -readonly [tag in keyof OrientationTags]: OrientationTags[tag] } = {};
  while (at + 8 <= end) {
    bytes.countPart();
    const length = bytes.u32le(at + 4);
    const payload = at + 8;
    if (payload + length > end) throw undecodable('A WebP chunk leaves its container.');
    if (bytes.matches(at, 'VP8X')) {
      flags = bytes.u8(payload);
      walk.canvasWidth = bytes.u24le(payload + 4) + 1;
      walk.canvasHeight = bytes.u24le(payload + 7) + 1;
      checkDimensions(walk.canvasWidth, walk.canvasHeight, limits);
    } else if (bytes.matches(at, 'ANMF')) {
      if (length < 16) throw undecodable('A WebP frame is too short.');
      checkDimensions(bytes.u24le(payload + 6) + 1, bytes.u24le(payload + 9) + 1, limits);
      walk.frames += 1;
    } else if (bytes.matches(at, 'EXIF') && (flags & EXIF_FLAG) !== 0) {
      tags.exif ??= exifOrientation(bytes, payload, payload + length);
    } else if (bytes.matches(at, 'XMP ') && (flags & XMP_FLAG) !== 0) {
      tags.xmp ??= xmpOrientation(bytes.buffer.subarray(payload, payload + length));
    } else if (bytes.matches(at, 'VP8 ') || bytes.matches(at, 'VP8L')) {
      const lossless = bytes.matches(at, 'VP8L');
      if (length < (lossless ? 5 : 10)) throw undecodable('The WebP bitstream is too short.');
      const { width, height } = lossless ? losslessSize(bytes, payload) : lossySize(bytes, payload);
      checkDimensions(width, height, limits);
      walk.width = width;
      walk.height = height;
      walk.frames += 1;
    }
    // Chunks are padded to even lengths.
    at = payload + length + (length & 1);
  }
  if (walk.frames > MAX_FRAMES) throw tooComplex(`The WebP has ${walk.frames} frames.`);
  if (walk.frames === 0) throw undecodable('The WebP holds no picture.');
  const width = walk.canvasWidth > 0 ? walk.canvasWidth : walk.width;
  const height = walk.canvasHeight > 0 ? walk.canvasHeight : walk.height;
  checkDimensions(width, height, limits);
  const orientation = orientationOf(tags);
  const decodeBytes = webpMemory(width * height, turns(orientation));
  return { width, height, frames: walk.frames, orientation, end, decodeBytes };
}

function lossySize(bytes: ByteReader, at: number): { width: number; height: number } {
  if ((bytes.u8(at) & 1) !== 0 || !bytes.matches(at + 3, '\x9d\x01\x2a')) {
    throw undecodable('The WebP does not start with a key frame.');
  }
  return { width: bytes.u16le(at + 6) & 0x3fff, height: bytes.u16le(at + 8) & 0x3fff };
}

function losslessSize(bytes: ByteReader, at: number): { width: number; height: number } {
  if (bytes.u8(at) !== 0x2f) throw undecodable('The WebP lossless signature is missing.');
  const bits = bytes.u32le(at + 1);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}
