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
import sharp, { type Metadata, type Region, type Sharp } from 'sharp';
import { cmykToRgb } from './cmyk.js';
import { type CropSpec, type PictureSize, planCrop } from './geometry.js';
import { plainJpeg } from './jpeg-header.js';
import { type Axes, isTransposed, partsOf, storedAxes, upright } from './orientation.js';
import { type Axis, resampleWindow, sourceSpan } from './resample.js';
import { inputOptions } from './sharp-settings.js';

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
  { orientation, parts = 1 }: Pick<ImageInfo, 'orientation' | 'parts'> = {},
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

/** What the crop depends on of a picture as it is stored. */
function windowOf({ across, down }: Axes): Region {
  const [columns, rows] = [sourceSpan(across), sourceSpan(down)];
  const [left, top] = [columns.first, rows.first];
  return { left, top, width: columns.end - left, height: rows.end - top };
}

/** The crop's axes in a picture. */
export function axesOf(picture: PictureSize, spec: CropSpec): Axes {
  const plan = planCrop(picture.width, picture.height, spec);
  const { crop: length, interpolation } = spec;
  return {
    across: { interpolation, source: picture.width, target: plan.width, start: plan.left, length },
    down: { interpolation, source: picture.height, target: plan.height, start: plan.top, length },
  };
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
