/*
 * Deterministic weights: the same bytes on every machine. Everything below is 32-bit integer arithmetic, IEEE 754
 * addition, multiplication, division and square root (all correctly rounded by the standard) and one rounding to
 * float32. Math.log, Math.sin and Math.cos are left to each engine by ECMAScript, so there is no Box–Muller here:
 * a normal variate is the sum of four uniforms (Irwin–Hall), which ends at ±3.5 standard deviations.
 */

const FILTER_CHUNK_ELEMENTS = 1 << 19;

/** 32-bit FNV-1a: turns a tensor's name into the number of its own random stream. */
export function hashName(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * sfc32 (Chris Doty-Humphrey's Small Fast Counting generator, PractRand), a stream of uint32.
 * The same seed and stream give the same numbers; the order in which tensors are made does not matter.
 */
export function createPrng(seed: number, stream: string): () => number {
  let a = hashName(stream) | 0;
  let b = seed | 0;
  let c = 0x9e3779b9 | 0;
  let counter = 1;
  const next = (): number => {
    const result = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  };
  for (let round = 0; round < 16; round += 1) next();
  return next;
}

export interface FilterBank {
  readonly seed: number;
  readonly stream: string;
  /** Number of filters (output channels) and of weights in each (input channels × kernel height × width). */
  readonly filters: number;
  readonly fanIn: number;
  /** Standard deviation of a weight; He initialisation for a ReLU network is `sqrt(2 / fanIn)`. */
  readonly std: number;
  /**
   * Subtract each filter's mean. Inputs behind a ReLU share a large positive mean; filters that sum to zero do not
   * see it, which is what keeps different images apart in a deep network with untrained normalisation.
   */
  readonly centred: boolean;
}

/** The weights of a bank, filter after filter, as little-endian float32 in chunks of about 2 MB. */
export function* filterChunks(bank: FilterBank): Generator<Uint8Array, void, undefined> {
  const { filters, fanIn, centred } = bank;
  const draw = createPrng(bank.seed, bank.stream);
  // The sum of four uniforms on 0..65535 has mean 2·65535 and variance 4·(65536² − 1)/12.
  const mean = 2 * 65535;
  const gain = bank.std / Math.sqrt((65536 * 65536 - 1) / 3);
  const filter = new Float64Array(fanIn);
  const perChunk = Math.max(1, Math.floor(FILTER_CHUNK_ELEMENTS / fanIn));
  for (let first = 0; first < filters; first += perChunk) {
    const rows = Math.min(perChunk, filters - first);
    const values = new Float32Array(rows * fanIn);
    for (let row = 0; row < rows; row += 1) {
      let sum = 0;
      for (let index = 0; index < fanIn; index += 1) {
        const x = draw();
        const y = draw();
        const value = (x & 0xffff) + (x >>> 16) + (y & 0xffff) + (y >>> 16) - mean;
        filter[index] = value;
        sum += value;
      }
      const offset = centred ? sum / fanIn : 0;
      for (let index = 0; index < fanIn; index += 1) {
        values[row * fanIn + index] = ((filter[index] ?? 0) - offset) * gain;
      }
    }
    yield littleEndianBytes(values);
  }
}

/** Chunks of a convolution's weights, drawn from the stream `<name>.weight` with He initialisation: `std = sqrt(2 / fanIn)`. */
export function heFilters(
  options: { seed: number; name: string } & Pick<FilterBank, 'filters' | 'fanIn' | 'centred'>,
): () => Iterable<Uint8Array> {
  const { name, ...bank } = options;
  return () => filterChunks({ ...bank, stream: `${name}.weight`, std: Math.sqrt(2 / bank.fanIn) });
}

/** `length` times the same float32. */
export function constantChunk(length: number, value: number): Uint8Array {
  return littleEndianBytes(new Float32Array(length).fill(value));
}

/** ONNX raw data is little-endian; Node runs on big-endian s390x, too. */
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The bytes of `values` as an initializer has them; the memory of `values` itself where this machine allows it. */
export function littleEndianBytes(values: Float32Array | Int32Array): Uint8Array {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return isLittleEndian ? bytes : bytes.swap32();
}

/** The values of little-endian float32 bytes: the other direction of `littleEndianBytes`. */
export function float32Values(chunk: Uint8Array): Float32Array {
  if (isLittleEndian && chunk.byteOffset % 4 === 0) {
    return new Float32Array(chunk.buffer, chunk.byteOffset, chunk.byteLength / 4);
  }
  const copy = Buffer.from(chunk);
  const bytes = isLittleEndian ? copy : copy.swap32();
  return new Float32Array(new Uint8Array(bytes).buffer);
}
