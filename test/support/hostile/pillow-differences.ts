/**
 * What Pillow refuses and Quintet reads, on purpose; docs/models.md has the same list. Anything else that succeeds here and not
 * there is a fault: a picture must fail rather than be answered by what it does not show.
 */

import { type TiffEntry, tiffEntries, tiffValue } from './tiff-reader.js';

export interface PillowDifference {
  /** How the file begins, in latin-1. */
  readonly head: RegExp;
  /** What Pillow says. */
  readonly error: RegExp;
  readonly reason: string;
  /** Further condition on the file. */
  readonly when?: (bytes: Buffer) => boolean;
}

const chunk = /Truncated (cHRM|gAMA|pHYs|sRGB|tRNS) chunk|too large for PngImagePlugin|Too much memory used in text/;

export const pillowDifferences: readonly PillowDifference[] = [
  {
    head: /^\x89PNG/,
    error: chunk,
    reason: 'a chunk that the pixels do not need is malformed, or its text is long; browsers pass it',
  },
  {
    head: /^\x89PNG/,
    error: /cannot identify image file/,
    reason: 'a chunk that the pixels do not need has a wrong checksum or method; libpng checks those that matter',
  },
  {
    head: /^\xff\xd8/,
    error: /broken data stream/,
    reason: 'damaged scans are shown as far as libjpeg decodes them; Pillow, too, refuses only some of them',
  },
  {
    head: /^BM/,
    error: /Unsupported BMP (bitfields layout|pixel depth|compression|header type)/,
    reason: 'bit fields of any place and length, 2 bits a pixel, and the short header of OS/2 2.x are read as well',
  },
  {
    head: /^(II|MM)/,
    error: /decoder error -2|cannot identify image file/,
    reason: 'the directory lacks a field, or garbles one, that the strips and tiles say as well; libtiff wants it',
    when: hasOddDirectory,
  },
  {
    head: /^(II|MM)/,
    error: /cannot identify image file/,
    reason: 'several samples of more than 16 bits, or more than four samples a pixel: Pillow has no such pictures',
    when: hasManyBits,
  },
  {
    head: /^....ftyp/s,
    error: /cannot identify image file|Not implemented|Unsupported color conversion|the bit depth signaled/,
    reason: 'a box that the pixels do not need is damaged, or the one that describes the colours; libheif passes it',
  },
  {
    head: /^....ftyp/s,
    error: /Decoding the input data did not give a decompressed image/,
    reason: 'damaged HEVC data are shown as far as libde265 decodes them; that of pillow-heif gives up earlier',
  },
];

/** Why a file that Pillow refuses is read nevertheless; undefined where nothing allows it. */
export function documentedReason(bytes: Buffer, error: string): string | undefined {
  const head = bytes.toString('latin1', 0, 32);
  return pillowDifferences.find(
    (each) => each.head.test(head) && each.error.test(error) && (each.when?.(bytes) ?? true),
  )?.reason;
}

/** Width, height, codec, kind of colour, samples, planes. */
const singular = [256, 257, 259, 262, 277, 284];

function hasManyBits(bytes: Buffer): boolean {
  const entries = tiffEntries(bytes);
  const first = (tag: number, otherwise: number): number => {
    const entry = entries.find((each) => each.tag === tag && each.type === 3);
    return entry === undefined ? otherwise : tiffValue(bytes, entry, 0);
  };
  const [samples, bits] = [first(277, 1), first(258, 1)];
  return samples > 4 || bits > 32 || (samples > 1 && bits > 16);
}

function hasOddDirectory(bytes: Buffer): boolean {
  const entries = tiffEntries(bytes);
  const found = (tag: number): TiffEntry | undefined =>
    entries.find((entry) => entry.tag === tag && (entry.type === 3 || entry.type === 4));
  const pieces = found(324) === undefined ? [273, 278, 279] : [322, 323, 324, 325];
  return singular.some((tag) => found(tag)?.count !== 1) || [258, ...pieces].some((tag) => found(tag) === undefined);
}
