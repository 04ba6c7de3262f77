import { elementCount, type Initializer } from '../onnx/encode.js';
import { float32Values, littleEndianBytes } from '../onnx/weights.js';
import { floatValues } from './plan.js';

/** Weights in one chunk: making the float32 chunk takes 20 ms already, and quantising all of it as long again. */
const CHUNK_WEIGHTS = 1 << 17;

/** Half of what an int32 holds: the sums that a bias is added to need the other half. */
const BIAS_LIMIT = 2 ** 30;

interface FilterBankOptions {
  /** Weights [filters, …], or for 1, as those of a matrix product, [inputs, filters]. */
  readonly axis: 0 | 1;
  readonly limit: number;
  readonly inputScale: number;
  /** One for each filter. */
  readonly bias: Float32Array | undefined;
  /** What the names of the new constants begin with. */
  readonly name: string;
}

/**
 * One float32 weight tensor as int8 with a scale for each filter, and its bias as int32 in steps of input scale × filter's
 * scale, as the convolution's sums are. It is quantised while it is written: what is kept are the scales, 4 bytes for each
 * filter. Asking for the scales before makes the weights for them.
 */
export class QuantizedFilters {
  readonly weights: Initializer;
  readonly scales: Initializer;
  readonly zeroPoints: Initializer;
  /** With the steps that it is counted in; undefined where there is none. */
  readonly bias: readonly [Initializer, Initializer] | undefined;
  #scales: Float32Array | undefined;

  /** `source`: float32; with axis 0 its chunks end between filters. */
  constructor(
    private readonly source: Initializer,
    private readonly options: FilterBankOptions,
  ) {
    const { name, axis, bias, inputScale } = options;
    const filters = [source.dims[axis] ?? 0];
    const zeros = new Uint8Array(filters[0] ?? 0);
    const floats = (values: () => Float32Array): Pick<Initializer, 'dims' | 'dataType' | 'chunks'> => ({
      dims: filters,
      dataType: 'float32',
      chunks: () => [littleEndianBytes(values())],
    });
    this.weights = { name: `${name}.quantized`, dims: source.dims, dataType: 'int8', chunks: () => this.#quantize() };
    this.scales = { name: `${name}.scale`, ...floats(() => this.#knownScales().slice()) };
    this.zeroPoints = { name: `${name}.zero_point`, dims: filters, dataType: 'int8', chunks: () => [zeros] };
    const steps = (): Float32Array => this.#knownScales().map((scale) => scale * inputScale);
    this.bias = bias && [
      {
        name: `${name}.bias`,
        dims: filters,
        dataType: 'int32',
        chunks: () => {
          const sizes = steps();
          return [littleEndianBytes(Int32Array.from(bias, (value, at) => Math.round(value / (sizes[at] ?? 1))))];
        },
      },
      { name: `${name}.bias_scale`, ...floats(steps) },
    ];
  }

  #knownScales(): Float32Array {
    if (this.#scales === undefined) for (const _ of this.#quantize());
    if (this.#scales === undefined) throw new TypeError(`${this.source.name} has no weights`);
    return this.#scales;
  }

  #filter(index: number, weights: Float32Array, values: Int8Array): number {
    const { bias, inputScale, limit } = this.options;
    const leastScale = Math.abs(bias?.[index] ?? 0) / (inputScale * BIAS_LIMIT);
    return quantizeFilter(weights, values, { limit, leastScale });
  }

  *#quantize(): Generator<Uint8Array, void, undefined> {
    const { source } = this;
    const scales = new Float32Array(source.dims[this.options.axis] ?? 0);
    if (this.options.axis === 1) {
      yield this.#quantizeColumns(scales);
    } else {
      const fanIn = elementCount(source.dims.slice(1));
      const rows = Math.max(1, Math.floor(CHUNK_WEIGHTS / fanIn));
      let filter = 0;
      for (const chunk of source.chunks()) {
        const floats = float32Values(chunk);
        if (floats.length % fanIn !== 0) throw new TypeError(`${source.name}: a chunk ends within a filter`);
        for (let start = 0; start < floats.length; start += rows * fanIn) {
          const part = floats.subarray(start, start + rows * fanIn);
          const values = new Int8Array(part.length);
          for (let row = 0; row < part.length; row += fanIn, filter += 1) {
            const weights = part.subarray(row, row + fanIn);
            scales[filter] = this.#filter(filter, weights, values.subarray(row, row + fanIn));
          }
          yield new Uint8Array(values.buffer);
        }
      }
    }
    this.#scales = scales;
  }

  #quantizeColumns(scales: Float32Array): Uint8Array {
    const floats = floatValues(this.source);
    const [rows = 0, columns = 0] = this.source.dims;
    const values = new Int8Array(floats.length);
    const own = new Int8Array(rows);
    for (let column = 0; column < columns; column += 1) {
      const weights = Float32Array.from({ length: rows }, (_, row) => floats[row * columns + column] ?? 0);
      scales[column] = this.#filter(column, weights, own);
      for (let row = 0; row < rows; row += 1) values[row * columns + column] = own[row] ?? 0;
    }
    return new Uint8Array(values.buffer);
  }
}

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

interface FilterOptions {
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
