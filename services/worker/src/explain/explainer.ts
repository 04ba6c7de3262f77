/** From a class map to what a client is told: which label, which part of its picture, and the heat map as a file. */
import type { Label } from '@quintet/models';
import type { Explained } from '@quintet/shared';
import sharp from 'sharp';
import { cropRegion, type CropSpec, type PictureSize } from '../preprocess/geometry.js';
import type { ClassMap } from './class-map.js';

export type Explainer = (map: ClassMap, picture: PictureSize) => Promise<Explained>;

/**
 * `labels` by class, `spec` as the crops are made. The pixels of a heat map are made here, in less than half a
 * millisecond; the file is packed in libuv's pool (bench/explain.mjs).
 */
export function createExplainer(labels: readonly Label[], spec: CropSpec): Explainer {
  return async (map, picture) => {
    const { index, rows, columns } = map;
    const { wnid = '', label = '' } = labels[index] ?? {};
    const { pixels, width, height } = drawHeatMap(map);
    const raw = { width, height, channels: 4 } as const;
    // No row filters: steps of equal bytes are shorter as they are.
    const png = await sharp(pixels, { raw }).png({ compressionLevel: 9, adaptiveFiltering: false }).toBuffer();
    const region = cropRegion(picture, spec);
    return { explanation: { label, wnid, index, rows, columns, region }, png };
  };
}

/**
 * Colours come in steps, so that a heat map of smooth gradients is a file of a few kilobytes: neighbours that differ by less
 * than one look the same, and are the same bytes.
 */
const rampSteps = 64;

/** How much of the picture is covered where the value is 1. */
const mostOpaque = 0.8;

/**
 * matplotlib's inferno (van der Walt and Smith, CC0) at nine even places from 0 to 1. Its lightness grows evenly with the value,
 * so people who see red and green alike read it too, and so does a print in grey.
 */
const inferno = [
  [0, 0, 4],
  [31, 12, 72],
  [85, 15, 109],
  [136, 34, 106],
  [186, 54, 85],
  [227, 89, 51],
  [249, 140, 10],
  [249, 201, 50],
  [252, 255, 164],
] as const;

/**
 * From how much a place speaks for a class to a colour that is laid over the picture: transparent where it does not, then
 * violet, red, orange and pale yellow, ever more opaque. RGBA bytes of each step from 0 to `rampSteps`, not premultiplied; of
 * step 0 all are 0.
 */
function createRamp(): Uint8Array {
  const ramp = new Uint8Array(4 * (rampSteps + 1));
  for (let step = 1; step <= rampSteps; step += 1) {
    const value = step / rampSteps;
    const at = value * (inferno.length - 1);
    const low = Math.min(Math.floor(at), inferno.length - 2);
    for (let channel = 0; channel < 3; channel += 1) {
      const [from = 0, to = 0] = [inferno[low]?.[channel], inferno[low + 1]?.[channel]];
      ramp[4 * step + channel] = Math.round(from + (to - from) * (at - low));
    }
    ramp[4 * step + 3] = Math.round(255 * mostOpaque * value);
  }
  return ramp;
}

const ramp = createRamp();

/** The longer side, in pixels. Enough to show what is interpolated from 7 × 7 places; viewers enlarge it smoothly. */
export const heatMapSide = 112;

interface HeatMap {
  /** RGBA, rows from the top. */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** For each pixel of an axis: the places on either side, and how far it is from the first to the second, 0 to 1. */
interface Axis {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly part: Float64Array;
}

/**
 * From a class map to pixels. Only what speaks for the class is shown: values below zero speak against it, and are as transparent
 * as zero. The largest value is the ramp's end, so a heat map compares places of one picture, never pictures. Between the
 * centres of the places, values are interpolated bilinearly; beyond the outermost they stay.
 */
export function drawHeatMap({ rows, columns, values }: ClassMap): HeatMap {
  const longest = Math.max(rows, columns);
  const [width, height] = [sideOf(columns, longest), sideOf(rows, longest)];
  const most = values.reduce((largest, value) => Math.max(largest, value), 0);
  const pixels = new Uint8Array(width * height * 4);
  if (most <= 0) return { pixels, width, height };
  const evidence = values.map((value) => (Math.max(0, value) / most) * rampSteps);
  const [across, down] = [axisOf(columns, width), axisOf(rows, height)];
  for (let y = 0, at = 0; y < height; y += 1) {
    const [top, bottom] = [(down.low[y] ?? 0) * columns, (down.high[y] ?? 0) * columns];
    const partDown = down.part[y] ?? 0;
    for (let x = 0; x < width; x += 1, at += 4) {
      const [left, right, part] = [across.low[x] ?? 0, across.high[x] ?? 0, across.part[x] ?? 0];
      const above = mix(evidence[top + left] ?? 0, evidence[top + right] ?? 0, part);
      const below = mix(evidence[bottom + left] ?? 0, evidence[bottom + right] ?? 0, part);
      const step = 4 * Math.round(mix(above, below, partDown));
      for (let channel = 0; channel < 4; channel += 1) pixels[at + channel] = ramp[step + channel] ?? 0;
    }
  }
  return { pixels, width, height };
}

function sideOf(places: number, longest: number): number {
  return Math.max(1, Math.round((heatMapSide * places) / longest));
}

function axisOf(places: number, length: number): Axis {
  const axis = { low: new Int32Array(length), high: new Int32Array(length), part: new Float64Array(length) };
  for (let pixel = 0; pixel < length; pixel += 1) {
    const at = Math.min(places - 1, Math.max(0, ((pixel + 0.5) * places) / length - 0.5));
    const low = Math.floor(at);
    axis.low[pixel] = low;
    axis.high[pixel] = Math.min(places - 1, low + 1);
    axis.part[pixel] = at - low;
  }
  return axis;
}

const mix = (from: number, to: number, part: number): number => from + (to - from) * part;
