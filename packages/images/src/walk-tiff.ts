import type { ByteReader } from './byte-reader.js';
import { tiffMemory } from './decode-memory.js';
import { ImageError, type ImageLimits, type Walk } from './image-info.js';
import { chunksEnd } from './tiff/index.js';
import { Directory, Tiff } from './tiff/directory.js';
import { CODEC } from './tiff/kinds.js';
import { readPage, TAG, type TiffPage } from './tiff/page.js';

/** More pages than any scan has, few enough to follow in no time: the chain is followed no further. */
const MAX_PAGES = 4096;
/** Fields that hold offsets of further directories: pages of other sizes, EXIF, GPS, interoperability. */
const subdirectories: readonly number[] = [330, 34665, 34853, 40965];
/** Of one such field. More pages of other sizes than any pyramid has. */
const MAX_SUBDIRECTORIES = 32;

/**
 * TIFF and BigTIFF, either byte order. The first page's strips or tiles must lie within the file. What the other pages hold is
 * followed only as far as it must be known where the file's structure ends; where one of them is damaged, or has come before, the
 * chain ends.
 */
export function walkTiff(bytes: ByteReader, limits: ImageLimits): Walk {
  const tiff = new Tiff(bytes);
  const directory = new Directory(tiff, tiff.first);
  const page = readPage(directory, limits);
  const { width, height } = page;
  let end = Math.max(directoryEnd(directory, 0), page.codec === CODEC.oldJpeg ? oldJpegEnd(page) : chunksEnd(page));
  const pages = new Set([directory.at]);
  for (let at = directory.next; at !== 0 && !pages.has(at) && pages.size < MAX_PAGES;) {
    const other = directoryAt(tiff, at);
    if (other === undefined) break;
    pages.add(at);
    end = Math.max(end, directoryEnd(other, 0));
    at = other.next;
  }
  return { width, height, frames: pages.size, end, decodeBytes: tiffMemory(page) };
}

/** The JPEG stream that the picture is, or the strips that hold its data. What is missing only the decoder can tell. */
function oldJpegEnd(page: TiffPage): number {
  const { directory } = page;
  const at = directory.number(TAG.jpegStream) ?? 0;
  if (at < 8) return chunksEnd(page);
  const { bytes } = directory.tiff;
  bytes.need(at, 2, 'JPEG stream');
  const end = at + (directory.number(TAG.jpegStreamSize) ?? 2);
  return end <= bytes.length ? end : at;
}

/** The directory at `at`, undefined where there is none that can be read. */
function directoryAt(tiff: Tiff, at: number): Directory | undefined {
  try {
    tiff.bytes.countPart();
    return new Directory(tiff, at);
  } catch (error) {
    if (error instanceof ImageError && error.code !== 'image_too_complex') return undefined;
    throw error;
  }
}

/** Where a directory, its values and its data end, those of the directories below it included. */
function directoryEnd(directory: Directory, depth: number): number {
  return Math.max(
    directory.end,
    tableEnd(directory, TAG.stripOffsets, TAG.stripSizes),
    tableEnd(directory, TAG.tileOffsets, TAG.tileSizes),
    tableEnd(directory, TAG.jpegStream, TAG.jpegStreamSize),
    subdirectoriesEnd(directory, depth),
  );
}

function subdirectoriesEnd(directory: Directory, depth: number): number {
  let end = 0;
  if (depth > 1) return end;
  for (const tag of subdirectories) {
    for (let i = 0; i < Math.min(directory.count(tag), MAX_SUBDIRECTORIES); i += 1) {
      const at = numberAt(directory, tag, i);
      const below = at === undefined ? undefined : directoryAt(directory.tiff, at);
      if (below !== undefined) end = Math.max(end, directoryEnd(below, depth + 1));
    }
  }
  return end;
}

/**
 * Where the data of a table ends: of its first and its last entry, one of which lies furthest in all but odd files. Thousands of
 * pages that share one huge table would otherwise cost minutes.
 */
function tableEnd(directory: Directory, offsets: number, sizes: number): number {
  const { length } = directory.tiff.bytes;
  let furthest = 0;
  for (const index of [0, directory.count(offsets) - 1]) {
    const at = numberAt(directory, offsets, index);
    const end = (at ?? 0) + (numberAt(directory, sizes, index) ?? 0);
    if (at !== undefined && end <= length) furthest = Math.max(furthest, end);
  }
  return furthest;
}

/** Undefined also where the file does not hold it, or it is no number. */
function numberAt(directory: Directory, tag: number, index: number): number | undefined {
  if (index < 0) return undefined;
  try {
    return directory.number(tag, index);
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}
