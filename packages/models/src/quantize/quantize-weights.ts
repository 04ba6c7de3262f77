/*
 * From float32 filters to int8, filter by filter: symmetric, one scale for each output channel.
 *
 * In full range, −127 to 127, or narrow, −64 to 64 (7 bits). x86 CPUs without VNNI multiply uint8 by int8 in pairs whose sum
 * is kept in 16 bits: 2 · 255 · 64 = 32640 fits, 2 · 255 · 127 would saturate (ONNX Runtime, "Quantize ONNX models",
 * `reduce_range`). So a narrow model gives the same answer on every CPU. ONNX Runtime, asked for exact arithmetic there
 * (`session.x64quantprecision`), turns only weights outside of −64 to 64 to uint8, which is slower (its
 * optimizer/qdq_transformer/s8_to_u8.h).
 *
 * Each filter keeps its sum. Inputs behind a ReLU share a large positive mean, which a filter multiplies by the sum of its
 * weights: rounded one by one, the sum of n weights is off by about 0.29·√n steps, and the whole channel is shifted. So the few
 * weights that lie nearest to the middle between two steps are rounded the other way until the sum is right to half a step.
 * Networks with untrained weights need it most, as their filters sum to zero (FilterBank.centred); it costs a pass
 * over the filter and needs no data, where bias correction (Nagel et al. 2019, section 4.2) needs the inputs' means.
 */

/** The largest absolute value of a quantised weight. */
export const WEIGHT_LIMIT = { full: 127, narrow: 64 } as const;

const BINS = 512;

/** Below this a float32 scale would lose precision; such weights are zero for any purpose. */
const LEAST_SCALE = 2 ** -100;

export interface FilterOptions {
  /** The largest absolute value that `values` may have, to 127. */
  readonly limit: number;
  /** The scale is not smaller: so that a bias in steps of it fits into 32 bits. */
  readonly leastScale: number;
}

/**
 * Quantises one filter: `weights[i] ≈ scale · values[i]`.
 * Guarantees: |values[i]| ≤ limit; each weight is off by one step (`scale`) at most, the sum of all by half a step.
 * Returns the scale, a positive float32. Throws RangeError for a weight that is not finite.
 */
export function quantizeFilter(weights: Float32Array, values: Int8Array, { limit, leastScale }: FilterOptions): number {
  let peak = 0;
  for (const weight of weights) {
    const size = Math.abs(weight);
    if (!(size < Number.POSITIVE_INFINITY)) throw new RangeError('a weight is not a finite number');
    if (size > peak) peak = size;
  }
  const scale = Math.fround(Math.max(peak / limit, leastScale));
  if (scale < LEAST_SCALE) {
    values.fill(0);
    return 1;
  }
  const steps = 1 / scale;
  let exact = 0;
  let rounded = 0;
  for (let index = 0; index < weights.length; index += 1) {
    const value = (weights[index] ?? 0) * steps;
    const nearest = Math.round(value);
    values[index] = nearest;
    exact += value;
    rounded += nearest;
  }
  restoreSum(weights, steps, values, limit, Math.round(exact) - rounded);
  return scale;
}

/** Moves |missing| of the values by one step each, those first that come nearest to being rounded that way anyway. */
function restoreSum(weights: Float32Array, steps: number, values: Int8Array, limit: number, missing: number): void {
  if (missing === 0) return;
  const step = Math.sign(missing);
  /** How much of a step the rounding took away, in bins of equal width; negative where it added, or at the limit. */
  const binOf = (index: number): number => {
    const value = values[index] ?? 0;
    if (value * step >= limit) return -1;
    return Math.min(BINS - 1, Math.floor(((weights[index] ?? 0) * steps - value) * step * 2 * BINS));
  };
  const counts = new Uint32Array(BINS);
  for (let index = 0; index < weights.length; index += 1) {
    const bin = binOf(index);
    if (bin >= 0) counts[bin] = (counts[bin] ?? 0) + 1;
  }
  let left = Math.abs(missing);
  let lowest = BINS;
  for (; lowest > 0 && left > 0; lowest -= 1) left -= counts[lowest - 1] ?? 0;
  // The lowest bin gives only what is still needed, from the front.
  let fromLowest = (counts[lowest] ?? 0) + Math.min(0, left);
  for (let index = 0; index < weights.length; index += 1) {
    const bin = binOf(index);
    if (bin < lowest || (bin === lowest && fromLowest-- <= 0)) continue;
    values[index] = (values[index] ?? 0) + step;
  }
}
