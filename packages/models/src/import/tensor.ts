/** Tensors as a checkpoint stores them: a view, by offset and strides, of a storage that several may share. */
import { elementCount } from '../onnx/encode.js';
import { float32Values } from '../onnx/weights.js';
import { invalid, refused, type ByteSource } from './byte-source.js';

/** Size of an element in bytes. Only those with a decoder below can be read as numbers. */
const elementBytes = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
} as const;

export type ElementType = keyof typeof elementBytes;

export const isElementType = (name: string): name is ElementType => Object.hasOwn(elementBytes, name);

/** PyTorch's storage classes. */
export const storageTypes: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ['DoubleStorage', 'float64'],
  ['FloatStorage', 'float32'],
  ['HalfStorage', 'float16'],
  ['BFloat16Storage', 'bfloat16'],
  ['LongStorage', 'int64'],
  ['IntStorage', 'int32'],
  ['ShortStorage', 'int16'],
  ['CharStorage', 'int8'],
  ['ByteStorage', 'uint8'],
  ['BoolStorage', 'bool'],
]);

export interface Storage {
  readonly type: ElementType;
  readonly elements: number;
  /** Its little-endian bytes. Rejects with ModelError where the file does not have them. */
  open(): Promise<ByteSource>;
}

export const storageBytes = ({ type, elements }: Pick<Storage, 'type' | 'elements'>): number =>
  elements * elementBytes[type];

export class StoredTensor {
  constructor(
    readonly storage: Storage,
    /** Of the first element, and between neighbours of each axis, in elements. */
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}

  /**
   * All values, row-major, as doubles, which hold each of the types exactly but int64 above 2^53. `name` is for messages.
   * Memory is bounded by the storage: a tensor that repeats elements of it (stride 0) is refused.
   */
  async values(name: string): Promise<Float64Array> {
    const { storage, offset, shape, strides } = this;
    const total = elementCount(shape);
    const decode = decoders[storage.type];
    if (decode === undefined) throw refused(`${name} is ${storage.type}, and weights are floating-point numbers`);
    if (total === 0) return new Float64Array();
    // At most 8 axes of safe integers: a sum that is no longer exact is still too large.
    const last = shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] ?? 0), offset);
    if (strides.length !== shape.length || !(last < storage.elements)) {
      throw invalid(`the shape and the strides of ${name} reach beyond its storage`);
    }
    if (total > last - offset + 1) throw refused(`${name} repeats elements of its storage. Save it with .contiguous()`);
    const width = elementBytes[storage.type];
    const bytes = await (await storage.open()).read(offset * width, (last - offset + 1) * width);
    const stored = decode(bytes, last - offset + 1);
    return isRowMajor(shape, strides) ? stored : gathered(stored, shape, strides, total);
  }
}

/** Axes of length 1 may have any stride. */
function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  return shape.every((size, axis) => size === 1 || strides[axis] === elementCount(shape.slice(axis + 1)));
}

function gathered(stored: Float64Array, shape: readonly number[], strides: readonly number[], total: number) {
  const result = new Float64Array(total);
  const index = shape.map(() => 0);
  for (let place = 0, from = 0; place < total; place += 1) {
    result[place] = stored[from] ?? Number.NaN;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      const [size, stride, current] = [shape[axis] ?? 1, strides[axis] ?? 0, (index[axis] ?? 0) + 1];
      from += stride;
      index[axis] = current;
      if (current < size) break;
      index[axis] = 0;
      from -= size * stride;
    }
  }
  return result;
}

type Decode = (bytes: Buffer, count: number) => Float64Array;

const decoded = (count: number, value: (index: number) => number): Float64Array => {
  const values = new Float64Array(count);
  for (let index = 0; index < count; index += 1) values[index] = value(index);
  return values;
};

const decoders: Readonly<Partial<Record<ElementType, Decode>>> = {
  float64: (bytes, count) => decoded(count, (index) => bytes.readDoubleLE(8 * index)),
  // Nearly all weights are of this type, which the machine converts at once.
  float32: (bytes) => new Float64Array(float32Values(bytes)),
  float16: (bytes, count) => decoded(count, (index) => half(bytes.readUInt16LE(2 * index))),
  // The upper half of a float32.
  bfloat16: (bytes, count) => {
    const bits = new Uint32Array(1);
    const float = new Float32Array(bits.buffer);
    return decoded(count, (index) => {
      bits[0] = bytes.readUInt16LE(2 * index) << 16;
      return float[0] ?? Number.NaN;
    });
  },
  int64: (bytes, count) => decoded(count, (index) => Number(bytes.readBigInt64LE(8 * index))),
};

/** IEEE 754 binary16. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
