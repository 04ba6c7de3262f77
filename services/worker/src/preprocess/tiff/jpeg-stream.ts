/**
 * JPEG streams out of what TIFFs store: tables and data apart, without what says how colours are coded, or in the pieces of
 * TIFF 6.0 (section 22) that its Technical Note 2 has replaced.
 */
import { ImageError } from '@quintet/images';
import { damaged } from './damaged.js';

export const SOI = 0xd8;
export const EOI = 0xd9;
export const SOS = 0xda;
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

export interface JpegHeader {
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
      throw new ImageError('image_undecodable', `TIFF with ${kind} JPEG data is not supported.`);
    }
    if (!frames.has(marker)) continue;
    const u16 = (at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    if (bytes[4] !== 8) {
      throw new ImageError('image_undecodable', `TIFF with ${bytes[4] ?? 0}-bit JPEG data is not supported.`);
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
