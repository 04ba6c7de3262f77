/**
 * Antialiased bilinear resampling as Pillow does it, for one window of the result.
 *
 * Each output pixel is a weighted mean of the source pixels under a triangle of half-width max(1, scale) centred on it;
 * weights have 22 fractional bits; rows first, rounded to 8 bits, then columns. Only the window that is asked for is
 * computed, from only the source pixels it needs: a 1 × 5000 picture enlarged to 256 × 1 280 000 costs what any other does.
 */

/** Fractional bits of a weight: 255 × 2^22 plus rounding stays below 2^31, so 32-bit sums cannot overflow. */
const PRECISION = 22;
const HALF = 1 << (PRECISION - 1);

/** The weights of a run of output pixels along one axis. */
interface Weights {
  /** First source pixel of each output pixel. */
  readonly first: Int32Array;
  /** How many source pixels each output pixel takes. */
  readonly count: Int32Array;
  /** `stride` weights for each output pixel. */
  readonly values: Int32Array;
  readonly stride: number;
}

/** One axis: `source` pixels become `target`, of which [start, start + length) are wanted. */
export interface Axis {
  readonly source: number;
  readonly target: number;
  readonly start: number;
  readonly length: number;
}

/** An RGB rectangle of the source picture, whose top left pixel is (left, top) there. */
export interface SourceWindow {
  readonly data: Uint8Array;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function bounds(axis: Axis, output: number): { center: number; first: number; end: number } {
  const scale = axis.source / axis.target;
  const support = Math.max(1, scale);
  const center = (output + 0.5) * scale;
  return {
    center,
    first: Math.max(0, Math.trunc(center - support + 0.5)),
    end: Math.min(axis.source, Math.trunc(center + support + 0.5)),
  };
}

/** The source pixels [first, end) that the wanted part of an axis depends on. */
export function sourceSpan(axis: Axis): { first: number; end: number } {
  return { first: bounds(axis, axis.start).first, end: bounds(axis, axis.start + axis.length - 1).end };
}

function weightsOf(axis: Axis): Weights {
  const width = Math.max(1, axis.source / axis.target);
  const stride = Math.ceil(width) * 2 + 1;
  const first = new Int32Array(axis.length);
  const count = new Int32Array(axis.length);
  const values = new Int32Array(axis.length * stride);
  const exact = new Float64Array(stride);
  for (let i = 0; i < axis.length; i += 1) {
    const { center, first: from, end } = bounds(axis, axis.start + i);
    let sum = 0;
    for (let x = from; x < end; x += 1) {
      const weight = Math.max(0, 1 - Math.abs((x - center + 0.5) / width));
      exact[x - from] = weight;
      sum += weight;
    }
    first[i] = from;
    count[i] = end - from;
    for (let k = 0; k < end - from; k += 1) {
      values[i * stride + k] = Math.trunc(0.5 + ((exact[k] ?? 0) / sum) * 2 ** PRECISION);
    }
  }
  return { first, count, values, stride };
}

/**
 * Resamples the part of a picture that `horizontal` and `vertical` ask for.
 *
 * @param source RGB pixels that cover at least `sourceSpan` of both axes
 * @returns `horizontal.length` × `vertical.length` RGB pixels, rows from the top
 */
export function resampleWindow(source: SourceWindow, horizontal: Axis, vertical: Axis): Uint8Array {
  const span = sourceSpan(vertical);
  const rows = span.end - span.first;
  const middle = new Uint8Array(rows * horizontal.length * 3);
  const across = weightsOf(horizontal);
  for (let row = 0; row < rows; row += 1) {
    const from = ((span.first + row - source.top) * source.width - source.left) * 3;
    weigh(across, source.data, from, 3, middle, row * horizontal.length * 3, 3, 3);
  }
  const out = new Uint8Array(horizontal.length * vertical.length * 3);
  const down = weightsOf(vertical);
  const line = horizontal.length * 3;
  // All values of a line share their weights, so a line is one pixel of `line` channels.
  weigh(down, middle, -span.first * line, line, out, 0, line, line);
  return out;
}

/** Weighs along one axis: pixels of `channels` values, `step` apart in `source`, `outStep` apart in `out`. */
function weigh(
  weights: Weights,
  source: Uint8Array,
  origin: number,
  step: number,
  out: Uint8Array,
  outOrigin: number,
  outStep: number,
  channels: number,
): void {
  const { first, count, values, stride } = weights;
  for (let i = 0; i < first.length; i += 1) {
    const from = origin + (first[i] ?? 0) * step;
    const taps = count[i] ?? 0;
    for (let channel = 0; channel < channels; channel += 1) {
      let sum = HALF;
      for (let k = 0; k < taps; k += 1) {
        sum += (source[from + k * step + channel] ?? 0) * (values[i * stride + k] ?? 0);
      }
      out[outOrigin + i * outStep + channel] = Math.min(255, sum >> PRECISION);
    }
  }
}
