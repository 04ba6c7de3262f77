/** The network's tensors among what else a checkpoint may hold: numbers of epochs, the optimizer's state. */
import { refused } from './checkpoint-error.js';
import { PickleDict, WEIGHTS_ALONE, type PickleValue } from './pickle-values.js';
import { StoredTensor } from './tensor.js';

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
