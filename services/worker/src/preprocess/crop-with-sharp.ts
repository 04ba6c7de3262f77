/**
 * From an encoded picture or decoded pixels to the crop, as Pillow's `convert('RGB')` and `resize` would give it.
 *
 * libvips decodes and cuts out what the crop depends on; our own resampler, equal to Pillow's to the bit, does the rest,
 * whatever the size. The parity test (parity.test.ts) has every format in it, and says where a decoder itself differs.
 *
 * Measured and not taken (bench/preprocess.mjs; docs/models.md has the numbers): libvips' linear reduction takes half the
 * time for a JPEG of 12 megapixels, since sharp lets the decoder shrink it even where `fastShrinkOnLoad` is false, but is
 * 0.3 to 0.7 of 255 away. Halved by the decoder and then resampled exactly, photos from 6 megapixels on would be as fast
 * and within 0.2; but sharp never gives the decoder's scaled picture itself.
 * Trade-off: large JPEGs cost twice what they did; up to a megapixel, the same or less.
 *
 * On purpose different: 16-bit grey keeps its high byte, where Pillow clips everything above 255 to white.
 */
import { Session } from 'node:inspector/promises';
import { heifPicture, type ImageInfo } from '@quintet/images';
import sharp, { type Metadata, type Sharp, type SharpOptions } from 'sharp';
import { axesOf, isTransposed, partsOf, storedAxes, upright, windowOf, type CropSpec } from './geometry.js';
import { resampleWindow, type Axis } from './resample.js';

/** The model's square of a picture. */
export interface Crop {
  /** crop × crop × 3 bytes, RGB, rows from the top. A buffer of its own: the receiver may keep, change or transfer it. */
  readonly data: Uint8Array;
  /** The picture's size, orientation applied. */
  readonly width: number;
  readonly height: number;
}

/** Decoded pixels: RGB, 3 bytes each. */
export interface Raster {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface SharpLimits {
  readonly maxPixels: number;
  readonly timeoutMs: number;
}

/** A picture that sharp can open, with what matters of its metadata. */
interface Source {
  open(): Sharp;
  /** As shown. */
  readonly width: number;
  readonly height: number;
  /** EXIF's, by which the opened picture is still to be turned. */
  readonly orientation: number;
  readonly cmyk: boolean;
  /** What each value of a sample means, if not itself. */
  readonly levels?: Uint8ClampedArray;
}

/**
 * Crops an encoded picture of a format that sharp reads. `orientation` and `parts`: as `inspectImage` says; where the first is
 * undefined, libvips looks for it itself.
 */
export async function cropEncoded(
  bytes: Buffer,
  spec: CropSpec,
  limits: SharpLimits,
  { orientation, parts = 1 }: Partial<ImageInfo> = {},
): Promise<Crop> {
  return crop(await encodedSource(bytes, limits, orientation), spec, limits, parts);
}

/** Crops an AVIF. */
export async function cropAvif(bytes: Buffer, spec: CropSpec, limits: SharpLimits): Promise<Crop> {
  const { bytes: picture, limitedGrey } = heifPicture(bytes);
  const source = await encodedSource(picture, limits);
  return crop(limitedGrey === undefined ? source : { ...source, levels: fullRange(limitedGrey) }, spec, limits);
}

/**
 * From the high byte of a grey sample of limited range, 16 to 235, to full range, as libavif does it. `bits`: of the sample; what
 * is below the high byte counts as its mean.
 */
function fullRange(bits: number): Uint8ClampedArray {
  const rest = 0.5 - 0.5 / 2 ** (bits - 8);
  return Uint8ClampedArray.from({ length: 256 }, (_value, v) => Math.floor(((v + rest - 16) * 255) / 219 + 0.5));
}

/** Crops pixels that another decoder has produced. */
export function cropRaster(raster: Raster, spec: CropSpec): Crop {
  const { data, width, height } = raster;
  const { across, down } = axesOf(raster, spec);
  return { data: resampleWindow({ data, left: 0, top: 0, width, height }, across, down), width, height };
}

async function encodedSource(bytes: Buffer, limits: SharpLimits, orientation?: number): Promise<Source> {
  const options = { ...inputOptions(limits.maxPixels), autoOrient: orientation === undefined };
  // Asking libvips costs a fifth of a millisecond, a tenth of a usual photo's decoding.
  const plain = orientation === 1 ? plainJpeg(bytes) : undefined;
  if (plain !== undefined) return { open: () => sharp(bytes, options), ...plain, orientation: 1, cmyk: false };
  const metadata: Metadata = await sharp(bytes, options).metadata();
  const size = isTransposed(orientation ?? 1) ? { width: metadata.height, height: metadata.width } : metadata;
  const { width, height } = orientation === undefined ? metadata.autoOrient : size;
  return {
    open: () => sharp(bytes, options),
    width,
    height,
    orientation: orientation ?? 1,
    cmyk: metadata.space === 'cmyk',
  };
}

async function crop(source: Source, spec: CropSpec, limits: SharpLimits, parts = 1): Promise<Crop> {
  const { width, height, orientation } = source;
  const { across, down } = storedAxes(axesOf(source, spec), orientation);
  const transposed = isTransposed(orientation);
  const part = async (rows: Axis): Promise<Uint8Array> => {
    const window = windowOf({ across, down: rows });
    const data = await pixelsOf(source.open().extract(window), source, limits);
    return resampleWindow({ data, ...window }, across, rows, transposed);
  };
  const stored = new Uint8Array(across.length * down.length * 3);
  let filled = 0;
  // The rows of the crop part by part, each decoded anew from the start of the file.
  for (const rows of partsOf(down, parts)) {
    if (filled > 0) await collectGarbage();
    const crop = await part(rows);
    stored.set(crop, filled);
    filled += crop.length;
  }
  return { data: upright(stored, across.length, down.length, orientation), width, height };
}

/** What was decoded for one part would else lie beside the next: V8 does not see that memory is short. Takes some milliseconds. */
async function collectGarbage(): Promise<void> {
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.collectGarbage');
  } finally {
    session.disconnect();
  }
}

/** Runs the pipeline and returns 8-bit RGB. */
async function pixelsOf(image: Sharp, source: Source, limits: SharpLimits): Promise<Uint8Array> {
  // sharp counts whole seconds from the moment libvips opens the file.
  image.removeAlpha().timeout({ seconds: Math.max(1, Math.ceil(limits.timeoutMs / 1000)) });
  const raw = { depth: 'uchar' } as const;
  if (!source.cmyk) return levelled(await image.toColourspace('srgb').raw(raw).toBuffer(), source.levels);
  return cmykToRgb(await image.pipelineColourspace('cmyk').toColourspace('cmyk').raw(raw).toBuffer());
}

/** In place. */
function levelled(data: Uint8Array, levels: Source['levels']): Uint8Array {
  if (levels !== undefined) for (let i = 0; i < data.length; i += 1) data[i] = levels[data[i] ?? 0] ?? 0;
  return data;
}

/**
 * Sets sharp's process-wide state. For composition roots, once, before the first picture.
 *
 * - `cache(false)`, `concurrency(1)`: no picture is seen twice, and parallelism comes from many jobs, not within one.
 * - Loaders are an allow-list. SVG in particular can reach files and the network; it is refused by its content before, and
 *   here again by the library.
 */
export function configureSharp(): void {
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({
    operation: ['VipsForeignLoadJpeg', 'VipsForeignLoadPng', 'VipsForeignLoadWebp', 'VipsForeignLoadHeif'],
  });
}

/**
 * Options for every encoded picture: first frame only (sharp's default of one page).
 *
 * - `ignoreIcc`: embedded profiles are ignored, as Pillow does and as the models were trained. Decoded without resizing, all
 *   19 photos of the reference set that carry a profile are then equal to Pillow's pixels, bit for bit; converted through
 *   their profile, those with an sRGB one are equal too, but calibrated ones (scanners, a display) differ by up to 13 of 255.
 * - `failOn: 'error'`: libvips stops at real damage and truncation. 'warning', the default, also refuses what browsers and
 *   Pillow show without complaint (stray bytes between JPEG markers, odd PNG text); 'truncated' would let corrupt files
 *   pass as pictures.
 */
function inputOptions(maxPixels: number): SharpOptions {
  return { ignoreIcc: true, failOn: 'error', limitInputPixels: maxPixels, sequentialRead: true };
}

const APP1 = 0xe1;
const START_OF_SCAN = 0xda;
/** Start of frame: baseline, extended, progressive. The markers between 0xc0 and 0xcf that are none are not in it. */
const frames: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2]);

/**
 * Size of a JPEG that holds nothing but pixels in an ordinary colour space: no EXIF, which may turn it, and one or three
 * components. For those libvips need not be asked before it decodes; of any other, and of what is malformed, nothing is
 * said here, and libvips decides.
 */
export function plainJpeg(bytes: Buffer): { readonly width: number; readonly height: number } | undefined {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) return undefined;
  let size: { width: number; height: number } | undefined;
  for (let at = 2; at + 10 <= bytes.length;) {
    const marker = bytes[at + 1] ?? 0;
    if (bytes[at] !== 0xff || marker === 0xff) return undefined;
    if (marker === START_OF_SCAN) return size;
    if (marker === APP1 && bytes.toString('latin1', at + 4, at + 8) === 'Exif') return undefined;
    if (frames.has(marker)) {
      const components = bytes[at + 9];
      if (size !== undefined || (components !== 1 && components !== 3)) return undefined;
      size = { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
      if (size.width === 0 || size.height === 0) return undefined;
    }
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}

/**
 * CMYK to RGB without a profile, as Pillow's `convert('RGB')` does it: each ink dims what black lets through. libvips
 * would go through an ICC profile, nearer to print and further from what the models were trained on and measured with.
 *
 * @param cmyk 8-bit pixels, four bytes each, 0 = no ink
 * @returns RGB, three bytes a pixel
 */
export function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let from = 0, to = 0; from < cmyk.length; from += 4, to += 3) {
    const light = 255 - (cmyk[from + 3] ?? 0);
    for (let channel = 0; channel < 3; channel += 1) {
      rgb[to + channel] = light - Math.round(((cmyk[from + channel] ?? 0) * light) / 255);
    }
  }
  return rgb;
}
