import type { ByteReader } from './byte-reader.js';
import { pngMemory } from './decode-memory.js';
import { turns } from './exif-orientation.js';
import { ImageError } from './image-error.js';
import { checkDimensions, type ImageLimits, type Walk } from './image-info.js';
import { PngOrientation } from './png-orientation.js';

const depthsByColourType: ReadonlyMap<number, readonly number[]> = new Map([
  [0, [1, 2, 4, 8, 16]],
  [2, [8, 16]],
  [3, [1, 2, 4, 8]],
  [4, [8, 16]],
  [6, [8, 16]],
]);

/**
 * PNG and APNG (W3C PNG, third edition): signature, chunks from IHDR to IEND. Checksums are the decoder's business.
 *
 * A file that ends behind a whole IDAT chunk, within its checksum or with bytes that are no chunk, is accepted, as browsers and
 * Pillow accept it: whether a picture lacks data, its decoder finds.
 */
export function walkPng(bytes: ByteReader, limits: ImageLimits): Walk {
  if (bytes.u32be(8) !== 13 || !bytes.matches(12, 'IHDR')) {
    throw new ImageError('image_undecodable', 'The PNG does not start with its header chunk.');
  }
  const width = bytes.u32be(16);
  const height = bytes.u32be(20);
  checkDimensions(width, height, limits);
  const depth = bytes.u8(24);
  const colourType = bytes.u8(25);
  if (depthsByColourType.get(colourType)?.includes(depth) !== true || bytes.u8(28) > 1) {
    throw new ImageError('image_undecodable', `The PNG has colour type ${colourType} with ${depth} bits.`);
  }
  let at = 33;
  let frames = 1;
  let data = false;
  let palette = false;
  const orientations = new PngOrientation();
  const packedTexts: number[] = [];
  for (;;) {
    bytes.countPart();
    if (data && !isChunk(bytes, at)) break;
    const length = bytes.u32be(at);
    const type = bytes.fourcc(at + 4);
    if (!isChunkType(type)) throw new ImageError('image_undecodable', 'A PNG chunk has an impossible type.');
    bytes.need(at + 8, type === 'IDAT' ? length : length + 4, () => `${type} chunk`);
    if (type === 'IDAT') {
      if (colourType === 3 && !palette) throw new ImageError('image_undecodable', 'The PNG lacks its palette.');
      data ||= length > 0;
    } else if (type === 'PLTE') {
      palette = true;
    } else if (type === 'acTL') {
      frames = Math.max(1, length >= 4 ? bytes.u32be(at + 8) : 1);
    } else if (type === 'zTXt' || type === 'iTXt') {
      packedTexts.push(length);
    }
    orientations.visit(bytes, { type, from: at + 8, end: at + 8 + length });
    at = Math.min(bytes.length, at + 12 + length);
    if (type === 'IEND') break;
  }
  if (!data) throw new ImageError('image_undecodable', 'The PNG holds no picture data.');
  const orientation = orientations.read(bytes);
  const kind = { colourType, depth, interlaced: bytes.u8(28) === 1, turned: turns(orientation), packedTexts };
  return { width, height, frames, orientation, end: at, decodeBytes: pngMemory({ width, height }, kind) };
}

/** Whether there is the head of a chunk that is more than the end of an IEND chunk. */
function isChunk(bytes: ByteReader, at: number): boolean {
  if (at + 8 > bytes.length || !isChunkType(bytes.fourcc(at + 4))) return false;
  return bytes.fourcc(at + 4) !== 'IEND' || at + 12 <= bytes.length;
}

function isChunkType(type: string): boolean {
  for (let i = 0; i < 4; i += 1) {
    const letter = type.charCodeAt(i) | 0x20;
    if (letter < 0x61 || letter > 0x7a) return false;
  }
  return true;
}
