/**
 * From a class map to pixels.
 *
 * Only what speaks for the class is shown: values below zero speak against it, and are as transparent as zero. The largest value is the
 * ramp's end, so a heat map compares places of one picture, never pictures. Between the centres of the places, values are
 * interpolated bilinearly; beyond the outermost they stay.
 */
import type { ClassMap } from './class-map.js';
import { createRamp, rampSteps } from './colour-ramp.js';

/** The longer side, in pixels. Enough to show what is interpolated from 7 × 7 places; viewers enlarge it smoothly. */
export const heatMapSide = 112;

export interface HeatMap {
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

const ramp = createRamp();

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
