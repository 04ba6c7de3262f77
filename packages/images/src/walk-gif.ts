import type { ByteReader } from './byte-reader.js';
import { gifMemory } from './decode-memory.js';
import { ImageError } from './image-error.js';
import { checkDimensions, type ImageLimits, type Walk } from './image-info.js';

/** GIF87a and GIF89a: screen descriptor, then extension and image blocks up to the trailer byte. */
export function walkGif(bytes: ByteReader, limits: ImageLimits): Walk {
  const width = bytes.u16le(6);
  const height = bytes.u16le(8);
  checkDimensions(width, height, limits);
  let at = 13 + colourTableBytes(bytes.u8(10));
  let frames = 0;
  let canvas = { width, height };
  for (;;) {
    bytes.countPart();
    const block = bytes.u8(at);
    if (block === 0x3b) break;
    if (block === 0x21) {
      at = skipSubBlocks(bytes, at + 2);
    } else if (block === 0x2c) {
      // libvips grows the canvas to the first frame where that is larger.
      const grown = { width: Math.max(width, bytes.u16le(at + 5)), height: Math.max(height, bytes.u16le(at + 7)) };
      checkDimensions(grown.width, grown.height, limits);
      if (grown.width * grown.height > canvas.width * canvas.height) canvas = grown;
      at = skipSubBlocks(bytes, at + 11 + colourTableBytes(bytes.u8(at + 9)));
      frames += 1;
    } else {
      throw new ImageError('image_undecodable', 'The GIF has a block of an unknown kind.');
    }
  }
  if (frames === 0) throw new ImageError('image_undecodable', 'The GIF holds no picture.');
  return { width, height, frames, end: at + 1, decodeBytes: gifMemory(canvas, frames) };
}

function colourTableBytes(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1);
}

function skipSubBlocks(bytes: ByteReader, from: number): number {
  let at = from;
  for (;;) {
    bytes.countPart();
    const size = bytes.u8(at);
    at += 1 + size;
    if (size === 0) return at;
  }
}
