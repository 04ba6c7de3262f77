import { elementCount, type Initializer } from '../onnx/encode.js';
import { float32Values, littleEndianBytes } from '../onnx/weights.js';
import { floatValues } from './graph-facts.js';
import { quantizeFilter } from './quantize-weights.js';

/** Weights in one chunk: making the float32 chunk takes 20 ms already, and quantising all of it as long again. */
const CHUNK_WEIGHTS = 1 << 17;

/** Half of what an int32 holds: the sums that a bias is added to need the other half. */
const BIAS_LIMIT = 2 ** 30;

export interface FilterBankOptions {
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
