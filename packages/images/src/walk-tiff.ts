import type { ByteReader } from './byte-reader.js';
import { tiffMemory } from './decode-memory.js';
import { turns } from './exif-orientation.js';
import { ImageError } from './image-error.js';
import { checkDimensions, type ImageLimits, type Walk } from './image-info.js';

const TAG = {
  width: 256,
  height: 257,
  bits: 258,
  stripOffsets: 273,
  orientation: 274,
  samples: 277,
  stripSizes: 279,
  planes: 284,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileSizes: 325,
} as const;
const SHORT = 3;
/** Bytes of each field type (TIFF 6.0, TIFF Technical Note 1, BigTIFF); index 0 is not a type. */
const typeBytes: readonly number[] = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];
/** More pages than any scan has, few enough to follow in no time: a chain that is a circle ends here. */
const MAX_PAGES = 4096;

/** One dialect: byte order and the widths of offsets. */
interface Dialect {
  readonly big: boolean;
  u16(at: number): number;
  u32(at: number): number;
  offset(at: number): number;
}

interface Field {
  readonly type: number;
  readonly count: number;
  /** Where the values lie. */
  readonly at: number;
}

/**
 * TIFF and BigTIFF, either byte order. The first page's fields and its strips or tiles must lie within the file; of the
 * other pages only the chain is followed, since only the first is decoded (and because thousands of pages that share one
 * huge strip table would otherwise cost minutes).
 */
export function walkTiff(bytes: ByteReader, limits: ImageLimits): Walk {
  const tiff = dialectOf(bytes);
  if (tiff.big && (tiff.u16(4) !== 8 || tiff.u16(6) !== 0)) {
    throw new ImageError('image_undecodable', 'The BigTIFF header is malformed.');
  }
  const first = tiff.offset(tiff.big ? 8 : 4);
  const { fields, end, next } = readDirectory(bytes, tiff, first);
  const width = single(tiff, fields.get(TAG.width), 'width');
  const height = single(tiff, fields.get(TAG.height), 'height');
  checkDimensions(width, height, limits);
  const dataEnd = Math.max(
    dataExtent(bytes, tiff, fields.get(TAG.stripOffsets), fields.get(TAG.stripSizes)),
    dataExtent(bytes, tiff, fields.get(TAG.tileOffsets), fields.get(TAG.tileSizes)),
  );
  if (dataEnd === 0) throw new ImageError('image_undecodable', 'The TIFF has neither strips nor tiles.');
  const pages = followChain(bytes, tiff, next);
  const samples = optional(tiff, fields.get(TAG.samples), 1);
  const tile = fields.has(TAG.tileWidth)
    ? {
        width: single(tiff, fields.get(TAG.tileWidth), 'tile width'),
        height: single(tiff, fields.get(TAG.tileHeight), 'tile height'),
      }
    : undefined;
  if (tile !== undefined && (tile.width < 1 || tile.height < 1)) {
    throw new ImageError('image_undecodable', 'The TIFF has tiles without area.');
  }
  const orientation = fields.get(TAG.orientation);
  const kind = {
    bits: samples * optional(tiff, fields.get(TAG.bits), 1),
    planar: optional(tiff, fields.get(TAG.planes), 1) === 2,
    turned: orientation !== undefined && (orientation.type !== SHORT || turns(valueAt(tiff, orientation, 0))),
    strips: Math.max(fields.get(TAG.stripOffsets)?.count ?? 0, fields.get(TAG.tileOffsets)?.count ?? 0),
    tile,
  };
  const decodeBytes = tiffMemory({ width, height }, kind);
  return { width, height, frames: pages.count, end: Math.max(end, dataEnd, pages.end), decodeBytes };
}

function dialectOf(bytes: ByteReader): Dialect {
  const little = bytes.matches(0, 'II');
  const u16 = (at: number): number => (little ? bytes.u16le(at) : bytes.u16be(at));
  const u32 = (at: number): number => (little ? bytes.u32le(at) : bytes.u32be(at));
  const u64 = (at: number): number => (little ? bytes.u64le(at) : bytes.u64be(at));
  const big = u16(2) === 43;
  return { big, u16, u32, offset: big ? u64 : u32 };
}

function entryCount(bytes: ByteReader, tiff: Dialect, at: number): { entries: number; start: number; end: number } {
  if (at < 8) throw new ImageError('image_undecodable', 'The TIFF has no image directory.');
  const entries = tiff.big ? tiff.offset(at) : tiff.u16(at);
  const start = at + (tiff.big ? 8 : 2);
  const end = start + entries * (tiff.big ? 20 : 12) + (tiff.big ? 8 : 4);
  bytes.need(at, end - at, 'image directory');
  return { entries, start, end };
}

function readDirectory(
  bytes: ByteReader,
  tiff: Dialect,
  at: number,
): { fields: Map<number, Field>; end: number; next: number } {
  const { entries, start, end } = entryCount(bytes, tiff, at);
  if (entries > 4096) throw new ImageError('image_undecodable', `The TIFF directory claims ${entries} entries.`);
  const size = tiff.big ? 20 : 12;
  const fields = new Map<number, Field>();
  let furthest = end;
  for (let entry = start; entry < start + entries * size; entry += size) {
    bytes.countPart();
    const type = tiff.u16(entry + 2);
    const count = tiff.offset(entry + 4);
    const inline = entry + (tiff.big ? 12 : 8);
    const length = (typeBytes[type] ?? 0) * count;
    const outside = length > (tiff.big ? 8 : 4);
    const valuesAt = outside ? tiff.offset(inline) : inline;
    if (outside) {
      bytes.need(valuesAt, length, 'field values');
      furthest = Math.max(furthest, valuesAt + length);
    }
    // Of two fields with one tag, libtiff reads the first.
    const tag = tiff.u16(entry);
    if (!fields.has(tag)) fields.set(tag, { type, count, at: valuesAt });
  }
  return { fields, end: furthest, next: tiff.offset(end - (tiff.big ? 8 : 4)) };
}

function followChain(bytes: ByteReader, tiff: Dialect, from: number): { count: number; end: number } {
  let count = 1;
  let furthest = 0;
  for (let next = from; next !== 0; count += 1) {
    bytes.countPart();
    if (count >= MAX_PAGES) throw new ImageError('image_undecodable', `The TIFF has more than ${MAX_PAGES} pages.`);
    const { end } = entryCount(bytes, tiff, next);
    furthest = Math.max(furthest, end);
    next = tiff.offset(end - (tiff.big ? 8 : 4));
  }
  return { count, end: furthest };
}

/** The value at `index` of a SHORT, LONG or LONG8 field; `need` on the whole field has been done. */
function valueAt(tiff: Dialect, field: Field, index: number): number {
  if (field.type === SHORT) return tiff.u16(field.at + 2 * index);
  if (field.type === 4) return tiff.u32(field.at + 4 * index);
  if (field.type === 16 && tiff.big) return tiff.offset(field.at + 8 * index);
  throw new ImageError('image_undecodable', `A TIFF field has the type ${field.type} where a number is due.`);
}

function single(tiff: Dialect, field: Field | undefined, what: string): number {
  if (field?.count !== 1) throw new ImageError('image_undecodable', `The TIFF does not state its ${what}.`);
  return valueAt(tiff, field, 0);
}

/** The first value of a field that need not be there. */
function optional(tiff: Dialect, field: Field | undefined, otherwise: number): number {
  return field === undefined || field.count === 0 ? otherwise : valueAt(tiff, field, 0);
}

/** Checks that every strip or tile lies in the file; returns the end of the furthest, 0 where there are none. */
function dataExtent(bytes: ByteReader, tiff: Dialect, offsets: Field | undefined, sizes: Field | undefined): number {
  if (offsets === undefined || sizes === undefined) return 0;
  if (offsets.count !== sizes.count) throw new ImageError('image_undecodable', 'The TIFF strip tables disagree.');
  let furthest = 0;
  for (let i = 0; i < offsets.count; i += 1) {
    bytes.countPart();
    const start = valueAt(tiff, offsets, i);
    const size = valueAt(tiff, sizes, i);
    bytes.need(start, size, () => `strip or tile ${i + 1} of ${offsets.count}`);
    furthest = Math.max(furthest, start + size);
  }
  return furthest;
}
