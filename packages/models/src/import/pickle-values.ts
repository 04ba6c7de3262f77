/** What a checkpoint's pickle may hold, and the few classes and functions that are understood by their names. */
import { invalid, refused } from './byte-source.js';
import { isElementType, storageTypes, StoredTensor, type Storage } from './tensor.js';

/** What cures most that is refused. */
export const WEIGHTS_ALONE = "Save the weights alone: torch.save(model.state_dict(), 'weights.pth')";

/** A dict or an ordered dict; a key that was set twice has its last value. */
export class PickleDict {
  readonly entries: [PickleValue, PickleValue][] = [];

  get(key: string): PickleValue | undefined {
    return this.entries.findLast(([each]) => each === key)?.[1];
  }

  /** Sets keys and values, which alternate. */
  set(values: readonly PickleValue[]): this {
    if (values.length % 2 !== 0) throw corrupt('a dict has a key without a value');
    for (let index = 0; index < values.length; index += 2) {
      this.entries.push([values[index] ?? null, values[index + 1] ?? null]);
    }
    return this;
  }
}

/** A class or function by its full name. */
class PickleName {
  constructor(readonly name: string) {}
}

/** Lists and tuples are both arrays. */
export type PickleValue =
  null | boolean | number | bigint | string | PickleValue[] | PickleDict | PickleName | Storage | StoredTensor;

/** Gives the storage of this key, of which the pickle says type and size. */
export type FindStorage = (key: string, type: Storage['type'], elements: number) => Storage;

const callables = new Set([
  'collections.OrderedDict',
  'torch.Size',
  'torch._utils._rebuild_tensor',
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_parameter',
]);

/** Modules that hold the classes of storages, by PyTorch's version. */
const storageModules = new Set(['torch', 'torch.cuda', 'torch.storage']);

/** Throws ModelError `checkpoint_refused` for every class and function but those above. */
export function knownName(module: string, name: string): PickleName {
  const full = `${module}.${name}`;
  const storage = storageModules.has(module) ? storageTypes.get(name) : undefined;
  if (storage !== undefined) return new PickleName(storage);
  if (callables.has(full)) return new PickleName(full);
  throw refused(
    `it needs the Python class or function ${JSON.stringify(full.slice(0, 200))}, and nothing of a file is executed here: ` +
      `only tensors, numbers, strings, lists and dicts are read. If you trust the file, load it in Python. ${WEIGHTS_ALONE}`,
  );
}

/** What a call of one of the known names gives. Throws ModelError. */
export function called(callable: PickleValue | undefined, args: PickleValue | undefined): PickleValue {
  if (!(callable instanceof PickleName) || !Array.isArray(args))
    throw corrupt('it calls something that is no function');
  const [first] = args;
  switch (callable.name) {
    case 'collections.OrderedDict':
      return orderedDict(first ?? []);
    case 'torch.Size':
      if (!Array.isArray(first)) throw corrupt('a size is no tuple');
      return first;
    case 'torch._utils._rebuild_parameter':
      if (!(first instanceof StoredTensor)) throw corrupt('a parameter is no tensor');
      return first;
    case 'torch._utils._rebuild_tensor':
    case 'torch._utils._rebuild_tensor_v2': {
      const [, offset, size, strides] = args;
      if (!isStorage(first)) throw corrupt('a tensor has no storage');
      return new StoredTensor(first, count(offset, "a tensor's offset"), counts(size), counts(strides));
    }
    default:
      throw corrupt(`it calls ${callable.name}, which is no function`);
  }
}

/** Python 2 made ordered dicts of a list of pairs. */
function orderedDict(pairs: PickleValue): PickleDict {
  const dict = new PickleDict();
  for (const pair of Array.isArray(pairs) ? pairs : [undefined]) {
    if (!Array.isArray(pair) || pair.length !== 2)
      throw corrupt('an ordered dict is made of something else than pairs');
    dict.set(pair);
  }
  return dict;
}

/** `('storage', class, key, device, elements)`, in old files with what part of another storage it is. */
export function storageOf(id: PickleValue, find: FindStorage): Storage {
  if (!Array.isArray(id) || id[0] !== 'storage') throw refused('it refers to something that is no storage of a tensor');
  const [, type, key, , elements, view] = id;
  const name = type instanceof PickleName ? type.name : '';
  if (!isElementType(name) || typeof key !== 'string') throw corrupt('a storage has no type or no key');
  if (view !== undefined && view !== null) {
    throw refused(
      'its storages are parts of each other, as PyTorch wrote them before 0.4. Save it again with a newer one',
    );
  }
  return find(key, name, count(elements, 'the size of a storage'));
}

function isStorage(value: PickleValue | undefined): value is Storage {
  return typeof value === 'object' && value !== null && 'open' in value;
}

function count(value: PickleValue | undefined, of: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw corrupt(`${of} is no count`);
}

function counts(value: PickleValue | undefined): number[] {
  if (!Array.isArray(value) || value.length > 8) throw corrupt('a tensor has no shape');
  return value.map((each) => count(each, "a tensor's shape or stride"));
}

export const corrupt = (problem: string) => invalid(`its pickle is damaged: ${problem}`);

/** The network's tensors among what else a checkpoint may hold: numbers of epochs, the optimizer's state. */
export type Tensors = ReadonlyMap<string, StoredTensor>;

/** Where training programs put it, the most usual first. */
const usualKeys = ['state_dict', 'model_state_dict', 'model', 'module', 'net'];

/** How deep a state dict may lie below the top: `{'checkpoint': {'model': …}}`. */
const MAX_DEPTH = 2;

/** The state dict in what a pickle held. Throws ModelError where there is none, or more than one. */
export function stateDict(value: PickleValue): Tensors {
  const found = candidates(value, MAX_DEPTH, '', new Set());
  const [first, ...others] = found;
  if (first === undefined) {
    throw refused(`there is no dict of named tensors in it (a state dict). ${WEIGHTS_ALONE}`);
  }
  if (others.length === 0) return first.tensors;
  for (const key of usualKeys) {
    const usual = found.find(({ path }) => path === key);
    if (usual !== undefined) return usual.tensors;
  }
  const paths = found.slice(0, 10).map(({ path }) => JSON.stringify(path));
  throw refused(`there are several state dicts in it, under ${paths.join(', ')}. Save the one that you want alone`);
}

interface Candidate {
  /** The keys that lead to it. */
  readonly path: string;
  readonly tensors: Tensors;
}

/** `seen`: a dict that is in a pickle many times, or in itself, is looked at once. */
function candidates(value: PickleValue, depth: number, path: string, seen: Set<PickleValue>): Candidate[] {
  if (!(value instanceof PickleDict) || seen.has(value)) return [];
  seen.add(value);
  const tensors = new Map<string, StoredTensor>();
  for (const [key, each] of value.entries) {
    if (typeof key === 'string' && each instanceof StoredTensor) tensors.set(key, each);
  }
  // Names of a network's tensors have parts; a best accuracy or a momentum buffer has none.
  if ([...tensors.keys()].some((name) => name.includes('.'))) return [{ path, tensors }];
  if (depth === 0) return [];
  return value.entries.flatMap(([key, each]) => {
    if (typeof key !== 'string') return [];
    return candidates(each, depth - 1, path === '' ? key : `${path}.${key}`, seen);
  });
}

/**
 * Takes away what wrappers put before every name: `module.` of DataParallel, `model.` of training frameworks, `_orig_mod.` of
 * torch.compile.
 */
export function withoutCommonPrefix(tensors: Tensors): Tensors {
  let current = tensors;
  for (;;) {
    const [first = ''] = current.keys();
    const prefix = first.slice(0, first.indexOf('.') + 1);
    if (prefix === '' || current.size < 2 || ![...current.keys()].every((name) => name.startsWith(prefix)))
      return current;
    current = new Map([...current].map(([name, tensor]) => [name.slice(prefix.length), tensor]));
  }
}
