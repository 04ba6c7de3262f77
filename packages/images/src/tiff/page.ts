/**
 * How the first picture of a TIFF is stored: what its strips or tiles hold, and where each of them lies. Everything that a decoder
 * has to know is checked here, so that a picture of a kind that is not decoded is refused by name before its job exists.
 */
import { orientationOf, xmpOrientation } from '../exif-orientation.js';
import { checkDimensions, ImageError, tooComplex, undecodable, type ImageLimits } from '../image-info.js';
import type { Directory } from './directory.js';
import {
  CODEC,
  codecName,
  codecs,
  colourSamples,
  faxCodecs,
  FORMAT,
  PHOTOMETRIC,
  photometricName,
  predicted,
} from './kinds.js';

export const TAG = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  orientation: 274,
  samples: 277,
  rowsPerStrip: 278,
  stripSizes: 279,
  planes: 284,
  faxOptions: 292,
  predictor: 317,
  colourMap: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileSizes: 325,
  inkSet: 332,
  extraSamples: 338,
  sampleFormat: 339,
  jpegTables: 347,
  jpegProcess: 512,
  jpegStream: 513,
  jpegStreamSize: 514,
  jpegRestart: 515,
  jpegQuantisation: 519,
  jpegDc: 520,
  jpegAc: 521,
  coefficients: 529,
  subsampling: 530,
  referenceBlackWhite: 532,
  xmp: 700,
} as const;

/**
 * Bytes of all samples together: 40 megapixels of four 64-bit samples, and more. They pass in pieces, but each costs its time, and a
 * small file can unpack to very many.
 */
const MOST_DECODED = 2e9;

/** Bytes of a strip or tile that ZSTD is unpacked to: its decoder has them as a whole, in memory that it keeps. */
const MOST_ZSTD = 64e6;

/** Samples lie beside each other, or each in strips or tiles of its own. */
export interface TiffPage {
  readonly directory: Directory;
  readonly width: number;
  readonly height: number;
  /** A code of kinds.ts, as the photometric interpretation and the sample format. */
  readonly codec: number;
  readonly photometric: number;
  readonly format: number;
  /** Of a pixel: colours first, then extra ones. */
  readonly samples: number;
  readonly colours: number;
  /** Of a sample. */
  readonly bits: number;
  readonly planar: boolean;
  /** That are needed: 1, or those of the colours and of the alpha that they were multiplied by. */
  readonly planes: number;
  /** 1 none, 2 horizontal differences, 3 those of floating-point bytes. */
  readonly predictor: number;
  /** The lowest bit of a byte comes first. */
  readonly reversed: boolean;
  /** EXIF's, 1 to 8. */
  readonly orientation: number;
  /** The first extra sample is alpha, by which the colours have been multiplied. */
  readonly premultiplied: boolean;
  /** Pixels that share one pair of chroma samples, across and down: 1 × 1 unless they are stored with fewer. */
  readonly subsampling: { readonly across: number; readonly down: number };
  readonly chunks: Chunks;
}

/** Strips or tiles. */
export interface Chunks {
  readonly tiled: boolean;
  /** Of one, in pixels; a strip's is at most the picture's. */
  readonly width: number;
  readonly height: number;
  readonly across: number;
  readonly down: number;
  /** All that are needed, those of the first plane first. */
  readonly count: number;
  /** What the file says of chunk `index`: where it lies, and its length in bytes. 0 where it says nothing. */
  readonly offset: (index: number) => number;
  readonly size: (index: number) => number;
}

function unsupported(what: string): ImageError {
  return undecodable(`TIFF with ${what} is not supported.`);
}

/** @throws ImageError where the picture is malformed, or of a kind that is not decoded */
export function readPage(directory: Directory, limits: ImageLimits): TiffPage {
  const number = (tag: number, otherwise: number): number => same(directory, tag, 2, `field ${tag}`) ?? otherwise;
  const width = stated(directory, TAG.width, 'width');
  const height = stated(directory, TAG.height, 'height');
  checkDimensions(width, height, limits);
  const codec = number(TAG.compression, CODEC.none);
  if (!codecs.has(codec)) throw unsupported(codecName(codec));
  const photometric = photometricOf(directory, codec);
  const samples = number(TAG.samples, directory.has(TAG.photometric) ? (colourSamples[photometric] ?? 1) : 1);
  if (samples < 1) throw undecodable('The TIFF has no samples.');
  // One sample of YCbCr or CIELab is its lightness.
  const single = samples === 1 && (photometric === PHOTOMETRIC.ycbcr || photometric === PHOTOMETRIC.cielab);
  const colours = single ? 1 : (colourSamples[photometric] ?? 0);
  if (colours === 0) throw unsupported(photometricName(photometric));
  const planes = number(TAG.planes, 1);
  if (planes !== 1 && planes !== 2) throw unsupported(`planar configuration ${planes}`);
  const planar = samples > 1 && planes === 2;
  const exif = directory.has(TAG.orientation) ? number(TAG.orientation, 1) : undefined;
  const premultiplied = samples > colours && directory.number(TAG.extraSamples) === 1;
  const needed = planar ? colours + (premultiplied ? 1 : 0) : 1;
  const page = {
    directory,
    ...{ width, height, codec, samples, colours, planar, premultiplied },
    planes: needed,
    photometric: single ? PHOTOMETRIC.blackIsZero : photometric,
    bits: same(directory, TAG.bits, samples, 'bits a sample') ?? 1,
    format: formatOf(directory, samples),
    predictor: predicted.has(codec) ? number(TAG.predictor, 1) : 1,
    reversed: number(TAG.fillOrder, 1) === 2,
    orientation: orientationOf({ exif, xmp: exif === undefined ? xmpOf(directory) : undefined }),
    subsampling: subsamplingOf(directory, codec, single ? 0 : photometric),
    chunks: chunksOf(directory, { width, height, planes: needed }),
  };
  checkSamples(page);
  checkCodec(page);
  const decoded = (width * height * samples * page.bits) / 8;
  if (decoded > MOST_DECODED) {
    const size = `${Math.ceil(decoded / 1e6)} MB of samples; at most ${MOST_DECODED / 1e6} MB are decoded`;
    throw tooComplex(`The TIFF has ${size}.`);
  }
  return page;
}

/** The orientation in the XMP packet; undefined where there is none, or where it lies outside of the file. */
function xmpOf(directory: Directory): number | undefined {
  try {
    const packet = directory.extent(TAG.xmp);
    if (packet === undefined) return undefined;
    return xmpOrientation(directory.tiff.bytes.buffer.subarray(packet.at, packet.at + packet.length));
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}

function stated(directory: Directory, tag: number, what: string): number {
  const value = directory.count(tag) === 1 ? directory.number(tag) : undefined;
  if (value === undefined) throw undecodable(`The TIFF does not state its ${what}.`);
  return value;
}

/** Without the field, Pillow takes white for zero, libtiff three samples for colours. */
function photometricOf(directory: Directory, codec: number): number {
  const known = directory.number(TAG.photometric);
  if (known !== undefined) return known;
  if ((directory.number(TAG.samples) ?? 1) < 3) return PHOTOMETRIC.whiteIsZero;
  return codec === CODEC.jpeg || codec === CODEC.oldJpeg ? PHOTOMETRIC.ycbcr : PHOTOMETRIC.rgb;
}

/** A number that all samples must share; some writers give it once, others for more samples than there are. */
function same(directory: Directory, tag: number, samples: number, what: string): number | undefined {
  const first = directory.number(tag);
  const stated = Math.min(samples, directory.count(tag), 64);
  for (let i = 1; i < stated; i += 1) {
    if (directory.number(tag, i) !== first) throw unsupported(`samples of different kinds (${what})`);
  }
  return first;
}

function formatOf(directory: Directory, samples: number): number {
  const format = same(directory, TAG.sampleFormat, samples, 'sample format') ?? FORMAT.unsigned;
  // "Undefined" says nothing.
  if (format === 4) return FORMAT.unsigned;
  if (format !== FORMAT.unsigned && format !== FORMAT.signed && format !== FORMAT.float) {
    throw unsupported(['complex samples', 'complex samples'][format - 5] ?? `sample format ${format}`);
  }
  return format;
}

function subsamplingOf(directory: Directory, codec: number, photometric: number): TiffPage['subsampling'] {
  // Of JPEG data its own frame says it.
  if (photometric !== PHOTOMETRIC.ycbcr || codec === CODEC.jpeg || codec === CODEC.oldJpeg || codec === CODEC.webp) {
    return { across: 1, down: 1 };
  }
  const across = directory.number(TAG.subsampling, 0) ?? 2;
  const down = directory.number(TAG.subsampling, 1) ?? 2;
  if (![1, 2, 4].includes(across) || ![1, 2, 4].includes(down)) {
    throw unsupported(`YCbCr subsampled ${across} × ${down}`);
  }
  return { across, down };
}

function chunksOf(directory: Directory, size: { width: number; height: number; planes: number }): Chunks {
  const tiled = directory.has(TAG.tileWidth);
  let { width, height } = size;
  if (tiled) {
    width = stated(directory, TAG.tileWidth, 'tile width');
    height = stated(directory, TAG.tileHeight, 'tile height');
    if (width < 1 || height < 1) throw undecodable('The TIFF has tiles without area.');
  } else {
    const rows = directory.number(TAG.rowsPerStrip) ?? height;
    if (rows < 1) throw undecodable('The TIFF has strips without rows.');
    height = Math.min(height, rows);
  }
  const [across, down] = [Math.ceil(size.width / width), Math.ceil(size.height / height)];
  const isStored = tiled && directory.has(TAG.tileOffsets);
  const offset = directory.table(isStored ? TAG.tileOffsets : TAG.stripOffsets);
  const stored = directory.table(isStored ? TAG.tileSizes : TAG.stripSizes);
  return { tiled, width, height, across, down, count: across * down * size.planes, offset, size: stored };
}

function checkSamples({ directory, photometric, samples, colours, bits, format, predictor }: TiffPage): void {
  if (samples < colours) throw unsupported(`${samples} of the ${colours} samples that its colours take`);
  const grey = photometric === PHOTOMETRIC.blackIsZero || photometric === PHOTOMETRIC.whiteIsZero;
  if (grey && samples > 2 && !directory.has(TAG.extraSamples)) throw unsupported(`${samples} samples of grey a pixel`);
  if (samples > 1024) throw unsupported(`${samples} samples a pixel`);
  if (photometric === PHOTOMETRIC.cmyk && (directory.number(TAG.inkSet) ?? 1) !== 1) throw unsupported('special inks');
  const depths = format === FORMAT.float ? [16, 32, 64] : [24, 32, 64];
  const known =
    depths.includes(bits) || (format === FORMAT.unsigned ? bits >= 1 && bits <= 16 : bits === 8 || bits === 16);
  if (!known) throw unsupported(`${bits}-bit ${format === FORMAT.float ? 'floating-point ' : ''}samples`);
  if (format !== FORMAT.unsigned && !grey && photometric !== PHOTOMETRIC.rgb) {
    throw unsupported('signed or floating-point samples of other than grey or RGB');
  }
  if (photometric === PHOTOMETRIC.palette) {
    if (bits > 16 || format !== FORMAT.unsigned) throw unsupported(`a palette of ${bits} bits`);
    if (directory.count(TAG.colourMap) < 3 * 2 ** bits) {
      throw undecodable('The TIFF has a palette without all of its colours.');
    }
  }
  const differences = predictor === 1 || (predictor === 2 && [8, 16, 32, 64].includes(bits));
  if (!differences && !(predictor === 3 && format === FORMAT.float)) {
    throw unsupported(`predictor ${predictor} of ${bits}-bit samples`);
  }
}

function checkCodec(page: TiffPage): void {
  const { directory, codec, photometric, samples, bits, planar, predictor, subsampling, chunks } = page;
  if (codec === CODEC.jpeg || codec === CODEC.oldJpeg) {
    if (bits !== 8) throw unsupported(`${bits}-bit JPEG data`);
    if (!planar && samples > 4) throw unsupported(`${samples} samples a pixel in JPEG data`);
  }
  if (codec === CODEC.oldJpeg) {
    if (planar) throw unsupported('old-style JPEG data in planes');
    if (chunks.tiled && chunks.count > 1) throw unsupported('old-style JPEG data in tiles');
    const process = directory.number(TAG.jpegProcess) ?? 1;
    if (process !== 1) throw unsupported(`old-style JPEG data of process ${process}`);
  }
  const chunkBytes = (chunks.width * chunks.height * (planar ? 1 : samples) * bits) / 8;
  if (codec === CODEC.zstd && chunkBytes > MOST_ZSTD) {
    const most = `${MOST_ZSTD / 1e6} MB are decoded`;
    throw tooComplex(`The TIFF has ZSTD data of ${Math.ceil(chunkBytes / 1e6)} MB in one piece; ${most}.`);
  }
  if (codec === CODEC.webp && (bits !== 8 || planar || (samples !== 3 && samples !== 4))) {
    throw unsupported('WebP data of other than 8-bit RGB');
  }
  if (faxCodecs.has(codec) && (bits !== 1 || (samples > 1 && !planar)))
    throw unsupported('fax data of more than 1 bit');
  const subsampled = subsampling.across * subsampling.down > 1;
  if (photometric === PHOTOMETRIC.ycbcr && subsampled) {
    if (bits !== 8) throw unsupported(`subsampled YCbCr of ${bits} bits`);
    if (planar) throw unsupported('subsampled YCbCr in planes');
    if (predictor !== 1) throw unsupported('subsampled YCbCr behind a predictor');
    if (samples !== 3) throw unsupported('subsampled YCbCr with extra samples');
  }
}
