/**
 * How a picture is to be turned, as Pillow 13's `ImageOps.exif_transpose` finds it: by EXIF, or by XMP where EXIF does not say.
 * A value that is none of EXIF's eight leaves the picture as it is.
 */
import type { ByteReader } from './byte-reader.js';

const ORIENTATION = 274;
/** The types of TIFF that are read, with their bytes: SHORT, LONG, RATIONAL, and those with a sign. Pillow takes no bytes and no text for it. */
const widths: ReadonlyMap<number, number> = new Map([
  [3, 2],
  [4, 4],
  [5, 8],
  [8, 2],
  [9, 4],
  [10, 8],
]);
const PREFIX = 'Exif\0\0';

/** What the metadata of a file say; undefined where they say nothing. */
export interface OrientationTags {
  readonly exif?: number | undefined;
  readonly xmp?: number | undefined;
}

/** EXIF's number, 1 (upright) to 8. */
export function orientationOf({ exif, xmp }: OrientationTags): number {
  const orientation = exif ?? xmp ?? 1;
  return Number.isInteger(orientation) && orientation >= 1 && orientation <= 8 ? orientation : 1;
}

/** The orientation in the first directory of the EXIF block at `from`; undefined where there is none, or no EXIF at all. */
export function exifOrientation(bytes: ByteReader, from: number, end: number): number | undefined {
  // In a JPEG always, in a WebP often, in some files twice.
  let start = from;
  for (let times = 0; times < 2 && bytes.matches(start, PREFIX); times += 1) start += PREFIX.length;
  const little = bytes.matches(start, 'II*\0');
  if (!little && !bytes.matches(start, 'MM\0*')) return undefined;
  if (start + 8 > end) return undefined;
  const u16 = (at: number): number => (little ? bytes.u16le(at) : bytes.u16be(at));
  const u32 = (at: number): number => (little ? bytes.u32le(at) : bytes.u32be(at));
  const directory = start + u32(start + 4);
  if (directory + 2 > end) return undefined;
  const last = Math.min(end, directory + 2 + 12 * u16(directory)) - 12;
  for (let entry = directory + 2; entry <= last; entry += 12) {
    bytes.countPart();
    if (u16(entry) !== ORIENTATION) continue;
    const [width = 0, count] = [widths.get(u16(entry + 2)), u32(entry + 4)];
    if (width === 0 || count === 0) continue;
    const at = width * count <= 4 ? entry + 8 : start + u32(entry + 8);
    if (at + width > end) continue;
    if (width < 8) return width === 2 ? u16(at) : u32(at);
    return u32(at) / u32(at + 4);
  }
  return undefined;
}

const XMP_TAG = 'tiff:Orientation';

/** The orientation in an XMP packet, an attribute or an element: `tiff:Orientation="6"`, `<tiff:Orientation>6</…`. */
export function xmpOrientation(packet: Uint8Array): number | undefined {
  const buffer = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
  for (let at = buffer.indexOf(XMP_TAG, 0, 'latin1'); at >= 0; at = buffer.indexOf(XMP_TAG, at + 1, 'latin1')) {
    const value = at + XMP_TAG.length;
    const [, digit] = /^(?:="|>)([0-9])/.exec(buffer.toString('latin1', value, value + 3)) ?? [];
    if (digit !== undefined) return Number(digit);
  }
  return undefined;
}

/** Whether the last row comes first, so that a decoder needs all of a picture before it can give any: 2 mirrors each row by itself. */
export function turns(orientation: number): boolean {
  return orientation >= 3 && orientation <= 8;
}
