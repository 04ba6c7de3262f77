/** From a file to its tensors by name, whichever of the known forms it has. Nothing in it is executed. */
import { z } from 'zod';
import { elementCount } from '../onnx/encode.js';
import { Archive, invalid, partOf, refused, type ByteSource } from './byte-source.js';
import {
  PickleDict,
  stateDict,
  WEIGHTS_ALONE,
  type FindStorage,
  type PickleValue,
  type Tensors,
} from './pickle-values.js';
import { MAX_PICKLE_BYTES, unpickle } from './pickle.js';
import { storageBytes, StoredTensor, type ElementType, type Storage } from './tensor.js';

/** The first integer in a file of torch.save before 1.6, and of `_use_new_zipfile_serialization=False`. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;

/** Files that are looked for in a wheel or ZIP. */
const CHECKPOINT_FILE = /\.(pth|pt|safetensors)$/i;

/** Reads what names and shapes need; the values stay in the source. Rejects with ModelError. */
export async function readCheckpoint(source: ByteSource): Promise<Tensors> {
  return read(source, true);
}

async function read(source: ByteSource, mayBeArchive: boolean): Promise<Tensors> {
  const head = await source.read(0, Math.min(source.size, 512));
  if (head.subarray(0, 4).equals(Buffer.from('PK\x03\x04'))) {
    const archive = await Archive.open(source);
    const pickles = archive.names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
    if (pickles[0] !== undefined && pickles.length === 1) return readZipForm(archive, pickles[0]);
    if (mayBeArchive) return read(await onlyCheckpoint(archive), false);
  }
  if (head.length > 8 && head[8] === 0x7b && head.readUInt32LE(4) === 0) return readSafetensors(source);
  if (head[0] === 0x80) return readLegacyForm(source);
  const tar = head.subarray(257, 262).toString('latin1') === 'ustar';
  const found = tar ? 'a tar archive, as PyTorch wrote before 0.1.10' : 'another kind of file';
  throw refused(
    `it is no checkpoint that can be read but ${found}. Wanted is a .pth or .pt of torch.save, a .safetensors, or a wheel or ZIP ` +
      `with one of these`,
  );
}

/** The one checkpoint in a wheel or ZIP. */
async function onlyCheckpoint(archive: Archive): Promise<ByteSource> {
  const names = archive.names.filter((name) => CHECKPOINT_FILE.test(name));
  const [name, ...others] = names;
  if (name === undefined) throw refused('there is no .pth, .pt or .safetensors in it');
  if (others.length === 0) return archive.file(name);
  const some = names.slice(0, 10).join(', ') + (names.length > 10 ? ', …' : '');
  throw refused(`there are ${names.length} checkpoints in it: ${some}. Unpack the one that you want and import that`);
}

async function readZipForm(archive: Archive, pickleName: string): Promise<Tensors> {
  const folder = pickleName.slice(0, -'data.pkl'.length);
  if (archive.has(`${folder}constants.pkl`)) {
    throw refused(
      `it is a TorchScript program (torch.jit.save). Save the weights: torch.save(module.state_dict(), 'weights.pth')`,
    );
  }
  if (archive.has(`${folder}byteorder`)) {
    const order = await archive.file(`${folder}byteorder`);
    const text = (await order.read(0, Math.min(order.size, 6))).toString('latin1');
    if (text !== 'little') throw bigEndian();
  }
  const storages = new StorageTable((key) => archive.file(`${folder}data/${key}`));
  const pickle = await archive.file(pickleName);
  if (pickle.size > MAX_PICKLE_BYTES)
    throw refused(`its pickle is longer than ${MAX_PICKLE_BYTES} bytes. ${WEIGHTS_ALONE}`);
  return stateDict(unpickle(await pickle.read(0, pickle.size), 0, storages.find).value);
}

/** Magic number, protocol, facts about the machine, the state, the storages' keys; then each storage's count and bytes. */
async function readLegacyForm(source: ByteSource): Promise<Tensors> {
  const bytes = await source.read(0, Math.min(source.size, MAX_PICKLE_BYTES));
  const places = new Map<string, number>();
  const storages = new StorageTable((key, size) => {
    const place = places.get(key);
    if (place === undefined) throw invalid(`it lacks the storage ${JSON.stringify(key.slice(0, 100))}`);
    return Promise.resolve(partOf(source, place, size));
  });
  let at = 0;
  const next = (): PickleValue => {
    const { value, end } = unpickle(bytes, at, storages.find);
    at = end;
    return value;
  };
  if (next() !== LEGACY_MAGIC) throw refused('it is a pickle, but not one of torch.save');
  if (next() !== LEGACY_PROTOCOL) throw refused(`it is not of version ${LEGACY_PROTOCOL} of torch.save`);
  const machine = next();
  if (!(machine instanceof PickleDict)) throw invalid('it does not say what machine wrote it');
  if (machine.get('little_endian') !== true) throw bigEndian();
  const state = next();
  const keys = next();
  if (!Array.isArray(keys)) throw invalid('it has no list of storages');
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined) throw invalid('its list of storages is not that of its tensors');
    const count = (await source.read(at, 8)).readBigInt64LE();
    if (count !== BigInt(storage.elements)) throw invalid('a storage has another size than its tensors say');
    places.set(key as string, at + 8);
    at += 8 + storageBytes(storage);
  }
  return stateDict(state);
}

/** The storages that a pickle names, each of which several tensors may share. */
class StorageTable {
  readonly #storages = new Map<string, Storage>();

  constructor(private readonly locate: (key: string, bytes: number) => Promise<ByteSource>) {}

  get(key: string): Storage | undefined {
    return this.#storages.get(key);
  }

  readonly find: FindStorage = (key, type, elements) => {
    const known = this.#storages.get(key);
    if (known?.type === type && known.elements === elements) return known;
    if (known !== undefined) throw invalid('a storage has two types or sizes');
    const storage: Storage = { type, elements, open: () => this.locate(key, storageBytes({ type, elements })) };
    this.#storages.set(key, storage);
    return storage;
  };
}

const bigEndian = () => refused('its numbers are big-endian. Load it and save it again on a little-endian machine');

/** safetensors (github.com/huggingface/safetensors, README "Format"): a JSON header with names, types, shapes and places. */
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

async function readSafetensors(source: ByteSource): Promise<Tensors> {
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
