/**
 * Decoding by libvips and the crop by either method, as Pillow's `convert('RGB')` and `resize` would give it.
 *
 * Measured against Pillow 13.0 on the formats of the tests: equal bit for bit where nothing is shrunk (JPEG, also CMYK,
 * grey and all orientations, PNG of every kind, WebP, GIF, TIFF), 0.02–0.3 of 255 where libvips shrinks. On purpose
 * different: 16-bit grey keeps its high byte, where Pillow clips everything above 255 to white.
 */
import sharp, { type Metadata, type Sharp } from 'sharp';
import { cmykToRgb } from './cmyk.js';
import { type CropPlan, type CropSpec, planCrop } from './geometry.js';
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

/** Decoded pixels: 1 (grey), 3 (RGB) or 4 (RGBA) bytes each. */
export interface Raster {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
}

export interface SharpLimits {
  readonly maxPixels: number;
  readonly timeoutMs: number;
}

/** A rectangle of the picture, orientation applied. */
interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Up to how many source pixels under the crop the result is Pillow's to the bit. For pictures of 500 × 375 that costs half
 * a millisecond more than libvips' way, for 12 megapixels ten times as much (bench/preprocess.mjs); what it buys is that
 * an int8 model, which answers measurably differently to 0.2 of 255, gives the reference's answers.
 */
const exactPixels = 500_000;

/** A picture that sharp can open again and again, with what matters of its metadata. */
interface Source {
  open(): Sharp;
  readonly width: number;
  readonly height: number;
  readonly cmyk: boolean;
  readonly alpha: boolean;
}

/** Crops an encoded picture of a format that sharp reads. */
export async function cropEncoded(bytes: Buffer, spec: CropSpec, limits: SharpLimits): Promise<Crop> {
  const options = inputOptions(limits.maxPixels);
  const metadata: Metadata = await sharp(bytes, options).metadata();
  const source: Source = {
    open: () => sharp(bytes, options),
    width: metadata.autoOrient.width,
    height: metadata.autoOrient.height,
    cmyk: metadata.space === 'cmyk',
    alpha: metadata.hasAlpha,
  };
  return crop(source, spec, limits);
}

/** Crops pixels that another decoder has produced. */
export async function cropRaster(raster: Raster, spec: CropSpec, limits: SharpLimits): Promise<Crop> {
  return crop(rasterSource(raster, limits), spec, limits);
}

function rasterSource({ data, width, height, channels }: Raster, limits: SharpLimits): Source {
  return {
    open: () => sharp(data, { raw: { width, height, channels }, limitInputPixels: limits.maxPixels }),
    width,
    height,
    cmyk: false,
    alpha: channels === 4,
  };
}

async function crop(source: Source, spec: CropSpec, limits: SharpLimits): Promise<Crop> {
  const { width, height } = source;
  const plan = planCrop(width, height, spec);
  const window = sourceWindow(source, plan);
  const data =
    plan.scaling === 'shrink' && window.width * window.height > exactPixels
      ? await shrink(source, plan, limits)
      : await resample(source, plan, window, limits);
  return { data: new Uint8Array(data), width, height };
}

/** The part of the picture that the crop depends on. */
function sourceWindow(source: Source, plan: CropPlan): Window {
  const { across, down } = axesOf(source, plan);
  const [columns, rows] = [sourceSpan(across), sourceSpan(down)];
  return { left: columns.first, top: rows.first, width: columns.end - columns.first, height: rows.end - rows.first };
}

function axesOf(source: Source, plan: CropPlan): { across: Axis; down: Axis } {
  return {
    across: { source: source.width, target: plan.width, start: plan.left, length: plan.crop },
    down: { source: source.height, target: plan.height, start: plan.top, length: plan.crop },
  };
}

/**
 * Pillow's own method, for whatever is small, and for all enlarging: libvips enlarges differently (3–15 of 255). Where the
 * size stays as it is, its weights are 1 and 0.
 */
async function resample(source: Source, plan: CropPlan, window: Window, limits: SharpLimits): Promise<Uint8Array> {
  const data = await pixelsOf(source.open().extract(window), source, limits);
  const { across, down } = axesOf(source, plan);
  return resampleWindow({ data, ...window }, across, down);
}

/**
 * libvips' linear reduction is within 0.1–0.3 of 255 of Pillow's and several times faster. It works on demand, so of a
 * large picture only what the crop needs is held. sharp multiplies colour with alpha before it resizes, where Pillow drops
 * alpha first, so that takes a pass of its own.
 */
async function shrink(source: Source, plan: CropPlan, limits: SharpLimits): Promise<Uint8Array> {
  const { width, height, left, top, crop: side } = plan;
  const opaque = source.alpha ? rasterSource(await opaqueRaster(source, limits), limits) : source;
  const image = opaque
    .open()
    .resize(width, height, { kernel: 'linear', fit: 'fill', fastShrinkOnLoad: false })
    .extract({ left, top, width: side, height: side });
  return pixelsOf(image, opaque, limits);
}

async function opaqueRaster(source: Source, limits: SharpLimits): Promise<Raster> {
  const data = await pixelsOf(source.open(), source, limits);
  return { data, width: source.width, height: source.height, channels: 3 };
}

/** Runs the pipeline and returns 8-bit RGB. */
async function pixelsOf(image: Sharp, source: Source, limits: SharpLimits): Promise<Uint8Array> {
  // sharp counts whole seconds from the moment libvips opens the file.
  image.removeAlpha().timeout({ seconds: Math.max(1, Math.ceil(limits.timeoutMs / 1000)) });
  const raw = { depth: 'uchar' } as const;
  if (!source.cmyk) return image.toColourspace('srgb').raw(raw).toBuffer();
  return cmykToRgb(await image.pipelineColourspace('cmyk').toColourspace('cmyk').raw(raw).toBuffer());
}
