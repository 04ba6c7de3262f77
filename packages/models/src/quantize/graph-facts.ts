/** What the quantiser asks of a graph again and again. */
import { elementCount, type Initializer, type OnnxModel, type OnnxNode } from '../onnx/encode.js';
import { float32Values } from '../onnx/weights.js';

export class GraphFacts {
  readonly constants: ReadonlyMap<string, Initializer>;
  readonly consumers: ReadonlyMap<string, readonly OnnxNode[]>;
  readonly outputs: ReadonlySet<string>;

  constructor({ nodes, initializers, outputs }: OnnxModel) {
    this.constants = new Map(initializers.map((each) => [each.name, each]));
    this.outputs = new Set(outputs.map(({ name }) => name));
    const consumers = new Map<string, OnnxNode[]>();
    for (const node of nodes) {
      for (const input of new Set(node.inputs)) consumers.set(input, [...(consumers.get(input) ?? []), node]);
    }
    this.consumers = consumers;
  }

  /** The float32 constant that is input `index` of `node`. */
  constant(node: OnnxNode, index: number): Initializer | undefined {
    const found = this.constants.get(node.inputs[index] ?? '');
    return found?.dataType === 'float32' ? found : undefined;
  }

  /** The one node that reads the one output of `node`; undefined where there are more, or it is an output of the graph. */
  follower(node: OnnxNode): OnnxNode | undefined {
    const [output = '', ...others] = node.outputs.filter((name) => name !== '');
    const [consumer, ...more] = this.consumers.get(output) ?? [];
    return others.length > 0 || more.length > 0 || this.outputs.has(output) ? undefined : consumer;
  }
}

/** Whether `node` is `opType` of ONNX itself. */
export const isStandard = ({ domain }: OnnxNode): boolean =>
  domain === undefined || domain === '' || domain === 'ai.onnx';

/** A number among the attributes. */
export function numberOf({ attributes }: OnnxNode, name: string, otherwise: number): number {
  const found = attributes[name];
  if (found === undefined) return otherwise;
  return 'int' in found ? found.int : 'float' in found ? found.float : otherwise;
}

/** All values of a float32 constant. */
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

/** Without those of `replaced` that no node reads any longer. */
export function withoutUnused(
  initializers: readonly Initializer[],
  replaced: ReadonlySet<string>,
  nodes: readonly OnnxNode[],
): Initializer[] {
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  return initializers.filter(({ name }) => !replaced.has(name) || used.has(name));
}
