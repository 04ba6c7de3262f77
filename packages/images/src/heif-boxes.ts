import type { ByteReader } from './byte-reader.js';
import { undecodable } from './image-info.js';

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
      throw undecodable('A box of the image container is malformed.');
    }
    visit(box, index);
    at = box.end;
  }
}

/** Where the data of an item begins, and where its first extent ends. */
type VisitItem = (item: number, start: number, end: number) => void;

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
    if (at + size > iloc.end) throw undecodable('The item location box is malformed.');
    const from = at;
    at += size;
    if (size === 0) return 0;
    if (size === 2) return bytes.u16be(from);
    if (size === 4) return bytes.u32be(from);
    if (size === 8) return bytes.u64be(from);
    throw undecodable(`The item location box has fields of ${size} bytes.`);
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
          throw undecodable('Item data overlaps the boxes that describe it.');
        }
        furthest = Math.max(furthest, start + length);
      } else if (method === 1 && (idat === undefined || idat.payload + start + length > idat.end)) {
        throw undecodable('Item data leaves its container.');
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

/** Bytes of the file, from `start` to before `end`. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** The first frame of an image sequence, and how it is coded. */
export interface Track {
  readonly codec: 'avif' | 'heic';
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** The data of the first frame. */
  readonly sample: Extent;
  /** The box `av1C` or `hvcC`. */
  readonly configuration: Extent;
  /** The box `colr` with coded colours. */
  readonly colour: Box | undefined;
}

const codecs: ReadonlyMap<string, Track['codec']> = new Map([
  ['av01', 'avif'],
  ['hvc1', 'heic'],
  ['hev1', 'heic'],
]);

/** What a visual sample entry has before its boxes (ISO/IEC 14496-12, 12.1.3), and where its size is in that. */
const ENTRY_HEAD = 78;
const ENTRY_SIZE = 24;

/** The first track of a movie box that holds pictures and is no alpha plane; undefined where there is none. */
export function readTrack(bytes: ByteReader, moov: Box): Track | undefined {
  let found: Track | undefined;
  eachBox(bytes, moov.payload, moov.end, (box) => {
    if (box.type === 'trak') found ??= trackOf(bytes, box);
  });
  return found;
}

function trackOf(bytes: ByteReader, trak: Box): Track | undefined {
  const boxes = new Map<string, Box>();
  const collect = (parent: Box): void => {
    eachBox(bytes, parent.payload, parent.end, (box) => {
      if (['mdia', 'minf', 'stbl', 'tref'].includes(box.type)) collect(box);
      else boxes.set(box.type, box);
    });
  };
  collect(trak);
  const [stsd, stsz] = [boxes.get('stsd'), boxes.get('stsz')];
  const chunks = boxes.get('stco') ?? boxes.get('co64');
  if (boxes.has('auxl') || stsd === undefined || stsz === undefined || chunks === undefined) return undefined;
  const [sizeOfEach, frames] = [bytes.u32be(stsz.payload + 4), bytes.u32be(stsz.payload + 8)];
  if (frames === 0 || bytes.u32be(chunks.payload + 4) === 0) return undefined;
  const length = sizeOfEach > 0 ? sizeOfEach : bytes.u32be(stsz.payload + 12);
  const start = chunks.type === 'co64' ? bytes.u64be(chunks.payload + 8) : bytes.u32be(chunks.payload + 8);
  const entry = readEntry(bytes, stsd);
  if (entry === undefined) return undefined;
  bytes.need(start, length, 'first frame');
  return { ...entry, frames, sample: { start, end: start + length } };
}

/** The first sample entry, if it is of a codec that is known. */
function readEntry(bytes: ByteReader, stsd: Box): Omit<Track, 'frames' | 'sample'> | undefined {
  let entry: Box | undefined;
  eachBox(bytes, stsd.payload + 8, stsd.end, (box) => {
    entry ??= box;
  });
  const codec = codecs.get(entry?.type ?? '');
  if (entry === undefined || codec === undefined) return undefined;
  let configuration: Extent | undefined;
  let colour: Box | undefined;
  eachBox(bytes, entry.payload + ENTRY_HEAD, entry.end, (box) => {
    if (box.type === (codec === 'avif' ? 'av1C' : 'hvcC')) configuration ??= box;
    else if (box.type === 'colr' && bytes.matches(box.payload, 'nclx')) colour ??= box;
  });
  if (configuration === undefined) {
    throw undecodable('The image sequence does not say how it is coded.');
  }
  const size = entry.payload + ENTRY_SIZE;
  return { codec, width: bytes.u16be(size), height: bytes.u16be(size + 2), configuration, colour };
}
