/**
 * What a decoder of TIFFs has to know of one: its page, and where the strips and tiles lie and how long they are once
 * decoded.
 *
 * Sizes of strips are believed as libtiff believes them: of uncompressed data only the offset counts; a single compressed strip
 * may lack its size and then ends with the file at the latest.
 */
import { ByteReader } from '../byte-reader.js';
import { undecodable, type ImageLimits } from '../image-info.js';
import { Directory, Tiff } from './directory.js';
import { CODEC } from './kinds.js';
import { readPage, type TiffPage } from './page.js';

export { CODEC, FORMAT, PHOTOMETRIC } from './kinds.js';
export { TAG, type TiffPage } from './page.js';

/** The first page of a TIFF. `bytes`: the whole file, that `inspectImage` has called a TIFF. Throws ImageError as that does. */
export function readTiff(bytes: Buffer, limits: ImageLimits): TiffPage {
  const tiff = new Tiff(new ByteReader(bytes));
  return readPage(new Directory(tiff, tiff.first), limits);
}

/** How samples are laid out in a chunk that has been decoded: in lines of as many bytes, each with as many rows of pixels. */
export interface Lines {
  readonly bytes: number;
  readonly rows: number;
}

/** The lines of a chunk, once decoded. Of planes: of each plane. */
export function linesOf({ samples, bits, planar, subsampling, chunks }: TiffPage): Lines {
  const { across, down } = subsampling;
  if (across * down > 1) return { bytes: Math.ceil(chunks.width / across) * (across * down + 2), rows: down };
  return { bytes: Math.ceil((chunks.width * (planar ? 1 : samples) * bits) / 8), rows: 1 };
}

/** How many rows of pixels chunk `index` holds: a tile always all of its own, the last strip those that are left. */
export function rowsOf({ height, chunks }: TiffPage, index: number): number {
  if (chunks.tiled) return chunks.height;
  return Math.min(chunks.height, height - (index % chunks.down) * chunks.height);
}

/**
 * Where chunk `index` lies in the file.
 *
 * @throws ImageError `image_truncated` where the file ends before it does, `image_undecodable` where it is missing
 */
export function chunkExtent(page: TiffPage, index: number): { readonly at: number; readonly end: number } {
  const at = page.chunks.offset(index);
  const length = page.codec === CODEC.none ? plainBytes(page, index) : packedBytes(page, index, at);
  checkExtent(page, index, at, length);
  return { at, end: at + length };
}

/** The end of the furthest chunk. Throws as `chunkExtent` does, for any of them. */
export function chunksEnd(page: TiffPage): number {
  const { directory, codec, chunks } = page;
  const { bytes } = directory.tiff;
  let furthest = 0;
  // All but the last rows of chunks are equally long.
  const plain = codec === CODEC.none ? plainBytes(page, 0) : undefined;
  for (let index = 0; index < chunks.count; index += 1) {
    bytes.countPart();
    const at = chunks.offset(index);
    let length = plain ?? chunks.size(index);
    if (plain !== undefined ? at + length > bytes.length : length === 0) length = chunkExtent(page, index).end - at;
    if (at < 8 || at + length > bytes.length) checkExtent(page, index, at, length);
    if (at + length > furthest) furthest = at + length;
  }
  return furthest;
}

function checkExtent({ directory, chunks }: TiffPage, index: number, at: number, length: number): void {
  const what = (): string => `${chunks.tiled ? 'tile' : 'strip'} ${index + 1} of ${chunks.count}`;
  if (at < 8) throw undecodable(`The TIFF has no data of ${what()}.`);
  directory.tiff.bytes.need(at, length, what);
}

function plainBytes(page: TiffPage, index: number): number {
  const lines = linesOf(page);
  return Math.ceil(rowsOf(page, index) / lines.rows) * lines.bytes;
}

function packedBytes(page: TiffPage, index: number, at: number): number {
  const { directory, chunks } = page;
  const size = chunks.size(index);
  if (size > 0 || at < 8) return size;
  // Of several, one without size is one that was never written.
  if (chunks.tiled || chunks.down > 1) checkExtent(page, index, 0, 0);
  return Math.max(1, directory.tiff.bytes.length - at);
}
