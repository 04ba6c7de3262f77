/** safetensors (github.com/huggingface/safetensors, README "Format"): a JSON header with names, types, shapes and places. */
import { z } from 'zod';
import { elementCount } from '../onnx/encode.js';
import { partOf, type ByteSource } from './byte-source.js';
import { invalid, refused } from './checkpoint-error.js';
import type { Tensors } from './state-dict.js';
import { StoredTensor, storageBytes, type ElementType, type Storage } from './tensor.js';

/** The format allows 100 MB; a network with 1000 tensors has 100 kB. */
const MAX_HEADER_BYTES = 1 << 24;

const types: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ['F64', 'float64'],
  ['F32', 'float32'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['I64', 'int64'],
  ['I32', 'int32'],
  ['I16', 'int16'],
  ['I8', 'int8'],
  ['U8', 'uint8'],
  ['BOOL', 'bool'],
]);

const count = z.int().min(0);
const Entry = z.object({
  dtype: z.string(),
  shape: z.array(count).max(8),
  data_offsets: z.tuple([count, count]),
});

export async function readSafetensors(source: ByteSource): Promise<Tensors> {
  const length = (await source.read(0, 8)).readUInt32LE();
  if (length > MAX_HEADER_BYTES) throw refused(`its header is longer than ${MAX_HEADER_BYTES} bytes`);
  const header = parse((await source.read(8, length)).toString('utf8'));
  const tensors = new Map<string, StoredTensor>();
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const { data, error } = Entry.safeParse(value);
    const shown = JSON.stringify(name.slice(0, 200));
    if (error !== undefined) throw invalid(`its header does not say type, shape and place of ${shown}`);
    const type = types.get(data.dtype);
    if (type === undefined) throw refused(`${shown} is of a type (${data.dtype.slice(0, 20)}) that is not read here`);
    const { shape } = data;
    const [begin, end] = data.data_offsets;
    const storage: Storage = {
      type,
      elements: elementCount(shape),
      open: () => Promise.resolve(partOf(source, 8 + length + begin, end - begin)),
    };
    if (end - begin !== storageBytes(storage) || 8 + length + end > source.size) {
      throw invalid(`the place of ${shown} does not fit its shape or the file`);
    }
    const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
    tensors.set(name, new StoredTensor(storage, 0, shape, strides));
  }
  if (tensors.size === 0) throw refused('there are no tensors in it');
  return tensors;
}

function parse(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Said below.
  }
  throw invalid('its header is not a JSON object');
}
