import { elementCount, type Initializer } from './encode.js';
import { quantizeFilter } from './quantize-weights.js';
import { float32Values, littleEndianBytes } from './weights.js';

/** Weights in one chunk: making the float32 chunk takes 20 ms already, and quantising all of it as long again. */
const CHUNK_WEIGHTS = 1 << 17;

const INT32_MAX = 2 ** 31 - 1;

/**
 * One float32 weight tensor [filters, …] as int8 with a scale for each filter. It is quantised while it is written: what is
 * kept are the scales, 4 bytes for each filter. Whoever asks for the scales before, makes the weights for them.
 */
export class QuantizedFilters {
  readonly weights: Initializer;
  readonly scales: Initializer;
  readonly zeroPoints: Initializer;
  #scales: Float32Array | undefined;

  /** `source`: float32, whose chunks end between filters; `gains`: what each filter is multiplied by first. */
  constructor(
    private readonly source: Initializer,
    private readonly gains: Float64Array,
  ) {
    const { name, dims } = source;
    const filters = [gains.length];
    const zeros = new Uint8Array(gains.length);
    this.weights = { name, dims, dataType: 'int8', chunks: () => this.#quantize() };
    this.scales = {
      name: `${name}_scale`,
      dims: filters,
      dataType: 'float32',
      chunks: () => [littleEndianBytes(this.#knownScales().slice())],
    };
    this.zeroPoints = { name: `${name}_zero_point`, dims: filters, dataType: 'int8', chunks: () => [zeros] };
  }

  /** `shifts`, one for each filter, as int32 in steps of `inputScale` × the filter's scale. */
  bias(name: string, shifts: Float64Array, inputScale: number): Initializer {
    const chunks = (): Iterable<Uint8Array> => {
      const scales = this.#knownScales();
      const steps = Int32Array.from(shifts, (shift, filter) => {
        const step = Math.round(shift / (inputScale * (scales[filter] ?? 1)));
        return Math.max(-INT32_MAX, Math.min(INT32_MAX, step));
      });
      return [littleEndianBytes(steps)];
    };
    return { name, dims: [shifts.length], dataType: 'int32', chunks };
  }

  #knownScales(): Float32Array {
    if (this.#scales === undefined) for (const _ of this.#quantize());
    if (this.#scales === undefined) throw new TypeError(`${this.source.name} has no weights`);
    return this.#scales;
  }

  *#quantize(): Generator<Uint8Array, void, undefined> {
    const { gains, source } = this;
    const scales = new Float32Array(gains.length);
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
          scales[filter] = quantizeFilter(weights, gains[filter] ?? 1, values.subarray(row, row + fanIn));
        }
        yield new Uint8Array(values.buffer);
      }
    }
    this.#scales = scales;
  }
}

/** All values of a float32 initializer; for small ones. */
export function floatValues(initializer: Initializer): Float32Array {
  const values = new Float32Array(elementCount(initializer.dims));
  let offset = 0;
  for (const chunk of initializer.chunks()) {
    const floats = float32Values(chunk);
    values.set(floats, offset);
    offset += floats.length;
  }
  return values;
}
