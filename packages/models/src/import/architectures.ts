/** The networks that are known, and how a checkpoint's names tell which it has. */
import { ModelError } from '../errors.js';
import type { Preprocess } from '../manifest.js';
import type { GraphBuilder } from '../onnx/graph-builder.js';
import { refused } from './checkpoint-error.js';
import { efficientnetLiteOf, efficientnetLites, isEfficientnetLite } from './efficientnet-lite.js';
import type { NetworkWeights } from './network-weights.js';
import { isResnet, resnetOf, resnets } from './resnet.js';
import { withoutCommonPrefix, type Tensors } from './state-dict.js';
import { resnetNames } from './transformers-names.js';

export interface Architecture {
  readonly name: string;
  /** As the network's authors evaluate it; its `crop` is the size of the graph's input. */
  readonly preprocess: Preprocess;
  /** Builds the graph from input `data` to output `logits` and claims the weights that it needs. Returns the number of classes. */
  build(graph: GraphBuilder, weights: NetworkWeights): number;
}

const architectures: readonly Architecture[] = [...resnets, ...efficientnetLites];

/**
 * The network of a checkpoint, and its tensors under the names that the network's first implementation gave them.
 * Throws ModelError `checkpoint_refused` where it is none of those that are known or not the one that was named.
 */
export function recognize(found: Tensors, named?: string): { architecture: Architecture; tensors: Tensors } {
  const tensors = resnetNames(withoutCommonPrefix(found));
  const name = nameOf(tensors, found);
  const architecture = architectures.find((each) => each.name === name);
  if (architecture === undefined) throw new TypeError(`${name} is not in the table`);
  if (named !== undefined && named !== name) {
    throw refused(`it is ${name} by its names and shapes, not ${named}. Leave out --arch, or choose the other file`);
  }
  return { architecture, tensors };
}

/** `found`: the same tensors under the names of the file, for the message. */
function nameOf(tensors: Tensors, found: Tensors): string {
  if (isResnet(tensors)) return resnetOf(tensors);
  if (isEfficientnetLite(tensors)) return efficientnetLiteOf(tensors);
  const names = [...found.keys()];
  const some = names.slice(0, 4).map((name) => name.slice(0, 100));
  throw refused(
    `it is none of the networks that are known: ${architectures.map(({ name }) => name).join(', ')}. Its ${names.length} tensors ` +
      `begin with ${some.join(', ')}. Export it to ONNX where it was trained, and put that into a model folder`,
  );
}

/** Throws ModelError `checkpoint_refused` unless `name` is the name of a known network. */
export function assertArchitecture(name: string): void {
  if (architectures.some((each) => each.name === name)) return;
  const names = architectures.map((each) => each.name).join(', ');
  throw new ModelError('architecture_unknown', `There is no architecture ${JSON.stringify(name)}. Known are ${names}.`);
}
