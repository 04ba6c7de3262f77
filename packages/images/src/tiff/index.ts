/** What a decoder of TIFFs has to know of one. */
import { ByteReader } from '../byte-reader.js';
import type { ImageLimits } from '../image-info.js';
import { Directory, Tiff } from './directory.js';
import { readPage, type TiffPage } from './page.js';

export { chunkExtent, linesOf, rowsOf } from './chunks.js';
export { CODEC, FORMAT, PHOTOMETRIC } from './kinds.js';
export { TAG, type TiffPage } from './page.js';

/** The first page of a TIFF. `bytes`: the whole file, that `inspectImage` has called a TIFF. Throws ImageError as that does. */
export function readTiff(bytes: Buffer, limits: ImageLimits): TiffPage {
  const tiff = new Tiff(new ByteReader(bytes));
  return readPage(new Directory(tiff, tiff.first), limits);
}
