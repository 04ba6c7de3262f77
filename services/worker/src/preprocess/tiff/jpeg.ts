/**
 * JPEG streams out of what TIFFs store: tables and data apart, without what says how colours are coded, or in the pieces of
 * TIFF 6.0 (section 22) that its Technical Note 2 has replaced.
 */
import { undecodable } from '@quintet/images';
import { chunkExtent, PHOTOMETRIC, TAG, type TiffPage } from '@quintet/images/tiff';
import { damaged } from '../decode-error.js';

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const RST = 0xd0;
const TEM = 0x01;
/** Start of frame: Huffman or arithmetic, sequential or progressive, as libjpeg-turbo decodes it. */
const frames: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2, 0xc9, 0xca]);
const otherFrames: ReadonlySet<number> = new Set([0xc3, 0xc5, 0xc6, 0xc7, 0xcb, 0xcd, 0xce, 0xcf]);

export interface Segment {
  readonly marker: number;
  /** Marker and length included. */
  readonly bytes: Uint8Array;
}

interface JpegHeader {
  /** In front of the scan, without SOI. */
  readonly segments: readonly Segment[];
  /** Where the first scan's header begins; undefined where there is none. */
  readonly scan: number | undefined;
}

/** Whether a stream ends as it should. */
export function isEnded(stream: Uint8Array): boolean {
  return stream[stream.length - 2] === 0xff && stream[stream.length - 1] === EOI;
}

/** Segments of a stream, from its SOI, if it has one, to its first scan or its end. */
export function readHeader(stream: Uint8Array): JpegHeader {
  const segments: Segment[] = [];
  for (let at = 0; at + 1 < stream.length;) {
    if (stream[at] !== 0xff) throw damaged('JPEG');
    const marker = stream[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1;
    } else if (marker === SOI || marker === TEM || (marker >= RST && marker < SOI)) {
      at += 2;
    } else if (marker === EOI) {
      break;
    } else if (marker === SOS) {
      return { segments, scan: at };
    } else {
      const length = ((stream[at + 2] ?? 0) << 8) | (stream[at + 3] ?? 0);
      if (length < 2 || at + 2 + length > stream.length) throw damaged('JPEG');
      segments.push({ marker, bytes: stream.subarray(at, at + 2 + length) });
      at += 2 + length;
    }
  }
  return { segments, scan: undefined };
}

export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly components: number;
  readonly progressive: boolean;
}

/** The frame that the segments describe. Refuses by name what is not decoded. */
export function frameOf(segments: readonly Segment[]): Frame | undefined {
  for (const { marker, bytes } of segments) {
    if (otherFrames.has(marker)) {
      const kind = marker === 0xc3 || marker === 0xcb ? 'lossless' : 'hierarchical';
      throw undecodable(`TIFF with ${kind} JPEG data is not supported.`);
    }
    if (!frames.has(marker)) continue;
    const u16 = (at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    if (bytes[4] !== 8) {
      throw undecodable(`TIFF with ${bytes[4] ?? 0}-bit JPEG data is not supported.`);
    }
    return {
      ...{ height: u16(5), width: u16(7), components: bytes[9] ?? 0 },
      progressive: marker === 0xc2 || marker === 0xca,
    };
  }
  return undefined;
}

/** Adobe's segment, the one by which libjpeg is told how three components are coded: 0 as RGB, 1 as YCbCr. */
function adobe(transform: 0 | 1): Uint8Array {
  const bytes = Buffer.from('\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0', 'latin1');
  bytes[15] = transform;
  return bytes;
}

/**
 * A whole stream. What the segments themselves say of colour, or anything else that is none of the data's, is left out: in
 * a TIFF its own fields decide.
 *
 * @param transform of three components; undefined for any other number
 * @param scan from the first scan's header on
 */
export function joinStream(segments: readonly Segment[], transform: 0 | 1 | undefined, scan: Uint8Array): Buffer {
  const kept = segments.filter(({ marker }) => marker < 0xe0).map(({ bytes }) => bytes);
  return Buffer.concat([
    Uint8Array.of(0xff, SOI),
    ...(transform === undefined ? [] : [adobe(transform)]),
    ...kept,
    scan,
  ]);
}

const DQT = 0xdb;
const DHT = 0xc4;
const DRI = 0xdd;
const SOF = 0xc0;

/**
 * Old-style JPEG in TIFF (compression 6), as scanners and fax programs wrote it before Technical Note 2: the whole picture becomes
 * one stream. It is there as such (JPEGInterchangeFormat), or as a header there and data in strips, or as tables of the three
 * kinds and bare data in strips. Source: TIFF 6.0, section 22; what files in the wild do, from libtiff's tif_ojpeg.c.
 */
export function oldJpegStream(page: TiffPage): Buffer {
  const stream = unendedStream(page);
  // Bare data has no end of its own. Where it comes too early, libjpeg says so.
  return isEnded(stream) ? stream : Buffer.concat([stream, Uint8Array.of(0xff, EOI)]);
}

function unendedStream(page: TiffPage): Buffer {
  const file = page.directory.tiff.bytes.buffer;
  const at = page.directory.number(TAG.jpegStream) ?? 0;
  const transform = page.samples !== 3 ? undefined : page.photometric === PHOTOMETRIC.ycbcr ? 1 : 0;
  const first = hasStrips(page) ? chunkExtent(page, 0) : undefined;
  if (first !== undefined && page.chunks.count === 1 && file[first.at] === 0xff && file[first.at + 1] === SOI) {
    return whole(file.subarray(first.at, first.end), transform);
  }
  if (at < 8) return joinStream(tableSegments(page), transform, scanOf(page));
  const size = page.directory.number(TAG.jpegStreamSize) ?? 0;
  const stream = file.subarray(at, size > 0 && at + size <= file.length ? at + size : file.length);
  const { segments, scan } = readHeader(stream);
  if (scan !== undefined) {
    const header = 2 + (((stream[scan + 2] ?? 0) << 8) | (stream[scan + 3] ?? 0));
    // Some sizes end with the header, though the data follows.
    const inside = first === undefined || (first.at >= at && contiguous(page));
    if (inside) {
      const end = first === undefined ? 0 : chunkExtent(page, page.chunks.count - 1).end;
      return whole(file.subarray(at, Math.max(at + stream.length, end)), transform);
    }
    return joinStream(segments, transform, Buffer.concat([stream.subarray(scan, scan + header), dataOf(page)]));
  }
  const own = frameOf(segments) === undefined ? [...segments, frameSegment(page)] : segments;
  return joinStream(restarting(page, own), transform, scanOf(page));
}

function whole(stream: Uint8Array, transform: 0 | 1 | undefined): Buffer {
  const { segments, scan } = readHeader(stream);
  if (scan === undefined) throw damaged('old-style JPEG');
  return joinStream(segments, transform, stream.subarray(scan));
}

function hasStrips({ directory, chunks }: TiffPage): boolean {
  return directory.count(chunks.tiled ? TAG.tileOffsets : TAG.stripOffsets) >= chunks.count;
}

function contiguous(page: TiffPage): boolean {
  let end = chunkExtent(page, 0).end;
  for (let i = 1; i < page.chunks.count; i += 1) {
    const extent = chunkExtent(page, i);
    if (extent.at !== end) return false;
    end = extent.end;
  }
  return true;
}

function segment(marker: number, ...body: (number | Uint8Array)[]): Segment {
  const bytes = Buffer.concat(body.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : part)));
  const head = Uint8Array.of(0xff, marker, (bytes.length + 2) >> 8, (bytes.length + 2) & 255);
  return { marker, bytes: Buffer.concat([head, bytes]) };
}

/** Tables, frame and restart interval from the fields of their own. */
function tableSegments(page: TiffPage): Segment[] {
  const { directory, samples } = page;
  const file = directory.tiff.bytes.buffer;
  const take = (tag: number, index: number, length: (at: number) => number): Uint8Array => {
    const at = directory.number(tag, index) ?? 0;
    if (at < 8) throw damaged('old-style JPEG');
    directory.tiff.bytes.need(at, length(at), 'JPEG tables');
    return file.subarray(at, at + length(at));
  };
  const codes = (at: number): number => {
    directory.tiff.bytes.need(at, 16, 'JPEG tables');
    return 16 + file.subarray(at, at + 16).reduce((sum, count) => sum + count, 0);
  };
  const segments = Array.from({ length: samples }, (_value, i) => [
    segment(
      DQT,
      i,
      take(TAG.jpegQuantisation, i, () => 64),
    ),
    segment(DHT, i, take(TAG.jpegDc, i, codes)),
    segment(DHT, 0x10 | i, take(TAG.jpegAc, i, codes)),
  ]).flat();
  return restarting(page, [...segments, frameSegment(page)]);
}

function samplingOf({ directory, samples, photometric }: TiffPage): readonly [across: number, down: number] {
  if (samples === 1 || photometric !== PHOTOMETRIC.ycbcr) return [1, 1];
  return [directory.number(TAG.subsampling, 0) ?? 2, directory.number(TAG.subsampling, 1) ?? 2];
}

function frameSegment(page: TiffPage): Segment {
  const { width, height, samples } = page;
  const [across, down] = samplingOf(page);
  const components = Array.from({ length: samples }, (_value, i) =>
    Uint8Array.of(i + 1, i === 0 ? (across << 4) | down : 0x11, i),
  );
  const size = Uint8Array.of(8, height >> 8, height & 255, width >> 8, width & 255, samples);
  return segment(SOF, size, ...components);
}

/** Every strip begins anew, as after a restart marker. */
function restarting(page: TiffPage, segments: readonly Segment[]): Segment[] {
  const { directory, chunks } = page;
  const stated = directory.number(TAG.jpegRestart) ?? 0;
  if (segments.some(({ marker }) => marker === DRI)) return [...segments];
  const [across, down] = samplingOf(page);
  const own = Math.ceil(chunks.width / (8 * across)) * Math.ceil(chunks.height / (8 * down));
  const interval = stated > 0 ? stated : chunks.count > 1 ? own : 0;
  return interval === 0 ? [...segments] : [...segments, segment(DRI, interval >> 8, interval & 255)];
}

/** A scan's header for the components of `frameSegment`, and the data of all strips. */
function scanOf(page: TiffPage): Uint8Array {
  const data = dataOf(page);
  if (data[0] === 0xff && data[1] === SOS) return data;
  const components = Array.from({ length: page.samples }, (_value, i) => Uint8Array.of(i + 1, (i << 4) | i));
  return Buffer.concat([segment(SOS, page.samples, ...components, 0, 63, 0).bytes, data]);
}

function dataOf(page: TiffPage): Uint8Array {
  const file = page.directory.tiff.bytes.buffer;
  const parts: Uint8Array[] = [];
  for (let i = 0; i < page.chunks.count; i += 1) {
    const { at, end } = chunkExtent(page, i);
    const last = parts.at(-1);
    const marked = (last?.at(-2) === 0xff && ((last.at(-1) ?? 0) & 0xf8) === RST) || last === undefined;
    if (!marked) parts.push(Uint8Array.of(0xff, RST | ((i - 1) & 7)));
    parts.push(file.subarray(at, end));
  }
  return Buffer.concat(parts);
}
