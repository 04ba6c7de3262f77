import type { ByteReader } from './byte-reader.js';
import { ImageError } from './image-error.js';

/** One box of an ISO base media file (ISO/IEC 14496-12): a size, a four-character type, a payload. */
export interface Box {
  readonly type: string;
  readonly start: number;
  readonly payload: number;
  readonly end: number;
}

/** Printable ASCII, or the copyright sign that QuickTime atoms start with. */
function isBoxType(type: string): boolean {
  for (let i = 0; i < 4; i += 1) {
    const code = type.charCodeAt(i);
    if ((code < 0x20 || code > 0x7e) && code !== 0xa9) return false;
  }
  return true;
}

/**
 * The box at `at` within `limit`, or undefined where the bytes are no box. `end` may lie past `limit`: the caller knows
 * whether that is a truncated box or bytes that only look like one.
 */
export function readBox(bytes: ByteReader, at: number, limit: number): Box | undefined {
  if (at + 8 > limit) return undefined;
  const type = bytes.fourcc(at + 4);
  if (!isBoxType(type)) return undefined;
  bytes.countPart();
  const size = bytes.u32be(at);
  if (size === 0) return { type, start: at, payload: at + 8, end: limit };
  if (size !== 1) return size < 8 ? undefined : { type, start: at, payload: at + 8, end: at + size };
  if (at + 16 > limit) return undefined;
  const large = bytes.u64be(at + 8);
  return large < 16 ? undefined : { type, start: at, payload: at + 16, end: at + large };
}

/** Calls `visit` for each child box; children must fill their parent. */
export function eachBox(bytes: ByteReader, from: number, to: number, visit: (box: Box, index: number) => void): void {
  let at = from;
  for (let index = 1; at < to; index += 1) {
    const box = readBox(bytes, at, to);
    if (box === undefined || box.end > to) {
      throw new ImageError('image_undecodable', 'A box of the image container is malformed.');
    }
    visit(box, index);
    at = box.end;
  }
}
