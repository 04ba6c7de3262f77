import type { ByteReader } from './byte-reader.js';
import { gifMemory } from './decode-memory.js';
import { readFirstFrame, readRest } from './gif-frame.js';
import { checkDimensions, type ImageLimits, type Walk } from './image-info.js';

/**
 * GIF87a and GIF89a: screen descriptor, then extension and image blocks up to the trailer byte. All of the first frame must be
 * there, but for the empty block that ends its data; whether that lacks pixels, its decoder finds.
 */
export function walkGif(bytes: ByteReader, limits: ImageLimits): Walk {
  const frame = readFirstFrame(bytes);
  const [width, height] = [frame.canvasWidth, frame.canvasHeight];
  checkDimensions(width, height, limits);
  checkDimensions(frame.width, frame.height, limits);
  const { frames, end } = readRest(bytes, dataEnd(bytes, frame.dataAt + 1));
  return {
    ...{ width, height, frames: 1 + frames, orientation: 1, end },
    decodeBytes: gifMemory(width * height, frame.width * frame.height),
  };
}

/** Behind the first frame's data, which may end with the file. */
function dataEnd(bytes: ByteReader, from: number): number {
  bytes.need(from, 1);
  for (let at = from; at < bytes.length;) {
    bytes.countPart();
    const size = bytes.u8(at);
    bytes.need(at + 1, size, 'picture data');
    at += 1 + size;
    if (size === 0) return at;
  }
  return bytes.length;
}
