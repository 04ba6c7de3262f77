import { ImageError } from './image-error.js';

/** What run-length data of a BMP is read for: its pixels, or only its end. */
export interface RunLengthPicture {
  readonly width: number;
  readonly height: number;
  /** 4 or 8 bits. */
  readonly depth: number;
}

/**
 * Reads RLE4 or RLE8 data of a BMP, as Pillow's BmpRleDecoder does: pixels that are skipped, and those behind the end of a row,
 * have index 0; a run ends with its row, literal pixels go on in the next one. The end of a row does nothing where a row is
 * complete, so that zeros in place of data are no picture; nor may the bitmap end before its last row does.
 *
 * @param indexes of width × height zeros, which become palette indexes, rows as they are stored; absent: nothing is kept
 * @returns where the data ends
 * @throws ImageError `image_truncated` if the file ends before them; `image_undecodable` if the bitmap ends early
 */
export function readRunLengths(
  bytes: Uint8Array,
  from: number,
  { width, height, depth }: RunLengthPicture,
  indexes?: Uint8Array,
): number {
  const total = width * height;
  const nibbles = depth === 4;
  let at = from;
  let done = 0;
  let x = 0;
  while (done < total) {
    if (at + 2 > bytes.length) throw cut();
    const count = bytes[at] ?? 0;
    const value = bytes[at + 1] ?? 0;
    at += 2;
    if (count > 0) {
      const run = Math.min(count, Math.max(0, width - x), total - done);
      if (indexes !== undefined) {
        if (!nibbles) indexes.fill(value, done, done + run);
        else for (let i = 0; i < run; i += 1) indexes[done + i] = (i & 1) === 0 ? value >> 4 : value & 15;
      }
      done += run;
      x += run;
    } else if (value === 0) {
      done = Math.ceil(done / width) * width;
      x = 0;
    } else if (value === 1) {
      throw new ImageError('image_undecodable', 'The BMP has fewer pixels than it says.');
    } else if (value === 2) {
      if (at + 2 > bytes.length) throw cut();
      const right = bytes[at] ?? 0;
      done += right + (bytes[at + 1] ?? 0) * width;
      x += right;
      if (x > width) x = done % width;
      at += 2;
    } else {
      const literal = Math.min(value, total - done);
      const used = nibbles ? (literal + 1) >> 1 : literal;
      if (at + used > bytes.length) throw cut();
      for (let i = 0; indexes !== undefined && i < literal; i += 1) {
        const byte = bytes[at + (nibbles ? i >> 1 : i)] ?? 0;
        indexes[done + i] = nibbles ? ((i & 1) === 0 ? byte >> 4 : byte & 15) : byte;
      }
      done += literal;
      x += value;
      // Literal pixels fill up whole words.
      at += used + (used & 1);
    }
  }
  // All pixels are there; the codes that end the last row and the bitmap may follow.
  while (bytes[at] === 0 && bytes[at + 1] === 0) at += 2;
  return Math.min(bytes.length, bytes[at] === 0 && bytes[at + 1] === 1 ? at + 2 : at);
}

function cut(): ImageError {
  return new ImageError('image_truncated', 'The file ends before its BMP pixels do.');
}
