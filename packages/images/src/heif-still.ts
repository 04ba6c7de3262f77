/**
 * What a decoder is given of an AVIF or HEIC, where that is not the file as it is:
 *  - the first frame of a sequence as a picture of its own, since libvips and libheif-js decode items alone;
 *  - the brand `avif` where a file begins with one that libvips does not know, such as `miaf`;
 *  - the matrix that an unspecified one means (BT.601), since libheif ignores what a `colr` box says of the range where it
 *    says nothing else. ISO/IEC 14496-12, 12.1.5 gives the box precedence over the coded data; libavif and browsers do.
 */
import { ByteReader } from './byte-reader.js';
import type { Extent, Track } from './heif-boxes.js';
import { type HeifWalk, walkHeif } from './walk-heif.js';

export interface HeifPicture {
  /** A whole file, whose primary item is the picture. */
  readonly bytes: Buffer;
  /** Bits of a sample, where the picture is grey and its samples are of limited range, which libheif does not expand. */
  readonly limitedGrey: 8 | 10 | 12 | undefined;
}

const BT601 = 6;
/** In what a `colr` box holds: its matrix, and the flag of full range. */
const MATRIX = 8;
const RANGE = 10;

/** The picture of a file that `inspectImage` accepted as AVIF or HEIC. The file itself is not changed. */
export function heifPicture(file: Buffer): HeifPicture {
  const walk = walkHeif(new ByteReader(file), { maxPixels: Infinity });
  const bytes = walk.track === undefined ? file : still(file, walk.track);
  const limitedGrey = walk.samples?.grey === true && !isFull(file, walk) ? walk.samples.bits : undefined;
  return { bytes: walk.codec === 'avif' ? asLibvipsReads(bytes, walk) : bytes, limitedGrey };
}

function isFull(file: Buffer, { colour, samples }: HeifWalk): boolean {
  return colour === undefined ? samples?.full === true : (file[colour.payload + RANGE] ?? 0) >= 128;
}

function asLibvipsReads(bytes: Buffer, { colour, track }: HeifWalk): Buffer {
  // In a file of ours there is one `colr` box.
  const at = track === undefined ? colour?.payload : bytes.indexOf('colrnclx', 0, 'latin1') + 4;
  const isUnspecified = colour !== undefined && at !== undefined && bytes.readUInt16BE(at + MATRIX) === 2;
  const isKnown = bytes.toString('latin1', 8, 12) === 'avif';
  if (isKnown && !isUnspecified) return bytes;
  const copy = Buffer.from(bytes);
  copy.write('avif', 8, 'latin1');
  if (isUnspecified) copy.writeUInt16BE(BT601, at + MATRIX);
  return copy;
}

const u16 = (...values: readonly number[]): Buffer => {
  const out = Buffer.alloc(2 * values.length);
  for (const [index, value] of values.entries()) out.writeUInt16BE(value, 2 * index);
  return out;
};
const u32 = (...values: readonly number[]): Buffer => {
  const out = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) out.writeUInt32BE(value, 4 * index);
  return out;
};

function box(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(8 + body.length), Buffer.from(type, 'latin1'), body]);
}

/** `versioned`: a box that begins with a version and flags. */
const versioned = (type: string, version: number, ...parts: readonly Buffer[]): Buffer =>
  box(type, u32(version * 2 ** 24), ...parts);

/** A file with one item (ISO/IEC 23008-12, 6.2): the first frame of `track`. */
function still(file: Buffer, track: Track): Buffer {
  const part = ({ start, end }: Extent): Buffer => file.subarray(start, end);
  const data = part(track.sample);
  const { colour } = track;
  const [brand, itemType] = track.codec === 'avif' ? ['avif', 'av01'] : ['heic', 'hvc1'];
  const properties = [
    versioned('ispe', 0, u32(track.width, track.height)),
    part(track.configuration),
    ...(colour === undefined ? [] : [box('colr', file.subarray(colour.payload, colour.end))]),
  ];
  const associations = Buffer.from([properties.length, ...properties.map((_property, index) => index + 1)]);
  const head = box('ftyp', Buffer.from(`${brand}\0\0\0\0mif1${brand}`, 'latin1'));
  const meta = (offset: number): Buffer =>
    versioned(
      'meta',
      0,
      versioned('hdlr', 0, u32(0), Buffer.from('pict', 'latin1'), Buffer.alloc(13)),
      versioned('pitm', 0, u16(1)),
      versioned('iloc', 0, u16(0x4400, 1, 1, 0, 1), u32(offset, data.length)),
      versioned('iinf', 0, u16(1), versioned('infe', 2, u16(1, 0), Buffer.from(`${itemType}\0`, 'latin1'))),
      box('iprp', box('ipco', ...properties), versioned('ipma', 0, u32(1), u16(1), associations)),
    );
  const offset = head.length + meta(0).length + 8;
  return Buffer.concat([head, meta(offset), box('mdat', data)]);
}
