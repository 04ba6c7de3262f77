import type { Box } from './boxes.js';
import type { ByteReader } from './byte-reader.js';
import { ImageError } from './image-error.js';

/** Where the data of an item begins, and where its first extent ends. */
export type VisitItem = (item: number, start: number, end: number) => void;

/**
 * The item location box (ISO/IEC 14496-12, 8.11.3): checks that every extent lies in the file (or in `idat`) and returns
 * the end of the furthest one in the file. `visit` is told of each item that has data.
 *
 * Pixels that lie among the boxes of `meta`, which describe them, are a damaged place: decoders take the boxes for data.
 */
export function readExtents(bytes: ByteReader, meta: Box, iloc: Box, idat: Box | undefined, visit: VisitItem): number {
  const version = bytes.u8(iloc.payload);
  const packed = bytes.u16be(iloc.payload + 4);
  const offsetSize = packed >> 12;
  const lengthSize = (packed >> 8) & 15;
  const baseSize = (packed >> 4) & 15;
  const indexSize = version === 0 ? 0 : packed & 15;
  const wide = version >= 2;
  let at = iloc.payload + 6;
  const take = (size: number): number => {
    if (at + size > iloc.end) throw new ImageError('image_undecodable', 'The item location box is malformed.');
    const from = at;
    at += size;
    if (size === 0) return 0;
    if (size === 2) return bytes.u16be(from);
    if (size === 4) return bytes.u32be(from);
    if (size === 8) return bytes.u64be(from);
    throw new ImageError('image_undecodable', `The item location box has fields of ${size} bytes.`);
  };
  let furthest = 0;
  const items = take(wide ? 4 : 2);
  for (let item = 0; item < items; item += 1) {
    bytes.countPart();
    const id = take(wide ? 4 : 2);
    const method = version === 0 ? 0 : take(2) & 15;
    take(2);
    const base = take(baseSize);
    const extents = take(2);
    for (let extent = 0; extent < extents; extent += 1) {
      bytes.countPart();
      take(indexSize);
      const start = base + take(offsetSize);
      const length = take(lengthSize);
      if (method === 0) {
        bytes.need(start, length, 'item data');
        const isInIdat = idat !== undefined && start >= idat.payload && start + length <= idat.end;
        if (length > 0 && start < meta.end && start + length > meta.start && !isInIdat) {
          throw new ImageError('image_undecodable', 'Item data overlaps the boxes that describe it.');
        }
        furthest = Math.max(furthest, start + length);
      } else if (method === 1 && (idat === undefined || idat.payload + start + length > idat.end)) {
        throw new ImageError('image_undecodable', 'Item data leaves its container.');
      }
      if (extent === 0 && method < 2) {
        const from = method === 0 ? start : start + (idat?.payload ?? 0);
        // A length of zero is the rest of the file.
        visit(id, from, length === 0 ? bytes.length : from + length);
      }
      // Extents without fields cost the file nothing: 65535 of them say no more than one.
      if (offsetSize + lengthSize + indexSize === 0) break;
    }
  }
  return furthest;
}
