/**
 * Where a classifier averages its last feature maps, and the linear layer behind that: what class activation maps are made of
 * (Zhou et al. 2016, "Learning Deep Features for Discriminative Localization").
 *
 *   feature maps [N, C, H, W] → global average pool [N, C] → W · x + b [N, classes] = logits
 * Mean and linear layer may change places: the mean over a picture's H × W of the maps, weighted by a class's row of W, plus
 * that class's b, is its logit. So the weighted maps tell exactly which places the logit came from.
 *
 * The layer is found by the graph's form alone, from its first output backwards; names come from the graph. Known: Gemm, MatMul
 * with or without Add, a 1 × 1 Conv; behind GlobalAveragePool or a ReduceMean over the picture; as float operators, between pairs of
 * QuantizeLinear and DequantizeLinear, and as ONNX Runtime's operators on bytes. What only moves values (Flatten, Reshape,
 * Dropout …) may stand anywhere between, and a Softmax at the end. Everything else is no linear head, and said to be none.
 *
 * A file is told to output its feature maps by bytes that are appended to it: of a message that is there twice, protobuf's
 * readers take the parts of both ("Last one wins", protobuf.dev/programming-guides/encoding: embedded messages are merged),
 * so the 100 MB before them are neither read nor written anew.
 */
import { readFile } from 'node:fs/promises';
import { furtherOutputs } from './encode.js';
import {
  dequantized,
  floatConstant,
  readGraph,
  scalarOf,
  type ConstantTensor,
  type GraphNode,
  type ModelGraph,
} from './read-graph.js';

export interface LinearHead {
  /** The tensor of the last feature maps: a value is `scale × (what is there − zeroPoint)`; float32 has 1 and 0. */
  readonly features: string;
  readonly scale: number;
  readonly zeroPoint: number;
  /** [N, C, H, W], or [N, H, W, C]. */
  readonly layout: 'NCHW' | 'NHWC';
  readonly channels: number;
  readonly classes: number;
  /** [classes, channels]. */
  readonly weights: Float32Array;
  /** [classes]. */
  readonly bias: Float32Array;
  /** To be appended to the model's file, which then has `features` as its last output; empty where it is one already. */
  readonly extension: Uint8Array;
}

/**
 * The linear head of the model in the file `path`. Rejects with TypeError where it has none, or as reading the file
 * does.
 */
export async function readLinearHead(path: string): Promise<LinearHead> {
  return findLinearHead(readGraph(await readFile(path)));
}

/** The linear head of a graph. Throws TypeError where it has none. */
export function findLinearHead(graph: ModelGraph): LinearHead {
  return new HeadSearch(graph).run();
}

/** Operators that move values and do not change them, or only by the rounding of their steps. */
const moving = new Set(['Identity', 'Dropout', 'Flatten', 'Reshape', 'Squeeze', 'Unsqueeze', 'Cast']);
const stepping = new Set(['QuantizeLinear', 'DequantizeLinear']);
/** At the end only: they keep the order of the classes. */
const ending = new Set(['Softmax', 'LogSoftmax']);

interface Layer {
  readonly input: string;
  readonly classes: number;
  readonly channels: number;
  readonly weights: Float32Array;
  readonly bias: Float32Array | undefined;
}

class HeadSearch {
  constructor(private readonly graph: ModelGraph) {}

  run(): LinearHead {
    const [output] = this.graph.outputs;
    let last = this.skip(output ?? '', ending);
    let added: Float32Array | undefined;
    if (last.opType === 'Add' || last.opType === 'QLinearAdd') {
      const sum = this.sum(last);
      added = sum.constant;
      last = this.skip(sum.rest);
    }
    const layer = this.layer(last);
    const bias = added ?? layer.bias ?? new Float32Array(layer.classes);
    if (bias.length !== layer.classes || (added !== undefined && layer.bias !== undefined)) {
      throw new TypeError('what is added to its last layer is not one number for each class');
    }
    const pool = this.skip(layer.input);
    const layout = this.poolLayout(pool);
    const { classes, channels, weights } = layer;
    return { ...this.features(pool), layout, classes, channels, weights, bias };
  }

  /** The first node before `name` that computes. */
  private skip(name: string, others: ReadonlySet<string> = new Set()): GraphNode {
    for (let current = name; ;) {
      const node = this.graph.producers.get(current);
      if (node === undefined) throw new TypeError('its output does not come from a linear layer behind a pool');
      if (!moving.has(node.opType) && !stepping.has(node.opType) && !others.has(node.opType)) return node;
      current = node.inputs[0] ?? '';
    }
  }

  private sum({ opType, inputs }: GraphNode): { readonly rest: string; readonly constant: Float32Array } {
    const [a = '', b = ''] = opType === 'Add' ? inputs : [inputs[0], inputs[3]];
    const [constant, rest] = this.isConstant(b) ? [b, a] : [a, b];
    if (opType === 'Add') return { rest, constant: floatConstant(this.graph, constant).values };
    const at = constant === b ? 3 : 0;
    const [scale, zeroPoint] = [this.constant(inputs[at + 1]), this.optional(inputs[at + 2])];
    return { rest, constant: dequantized(this.constant(constant), scale, zeroPoint, 0).values };
  }

  private isConstant(name: string): boolean {
    const producer = this.graph.producers.get(name);
    return this.graph.constants.has(name) || (producer !== undefined && this.isConstant(producer.inputs[0] ?? ''));
  }

  private layer(node: GraphNode): Layer {
    const { opType, inputs } = node;
    const [input = ''] = inputs;
    const attribute = (name: string, otherwise: number): number => node.attributes.get(name)?.int ?? otherwise;
    const factor = (name: string): number => node.attributes.get(name)?.float ?? 1;
    switch (opType) {
      case 'Gemm': {
        const { dims, values } = floatConstant(this.graph, inputs[1] ?? '');
        const scaled = times(values, factor('alpha'));
        const bias = inputs[2] ? times(floatConstant(this.graph, inputs[2]).values, factor('beta')) : undefined;
        if (attribute('transA', 0) !== 0) throw new TypeError('its last layer takes a transposed input');
        return { input, ...rows(dims, scaled, attribute('transB', 0) !== 0), bias };
      }
      case 'MatMul': {
        const { dims, values } = floatConstant(this.graph, inputs[1] ?? '');
        return { input, ...rows(dims, values, false), bias: undefined };
      }
      case 'Conv': {
        const { dims, values } = floatConstant(this.graph, inputs[1] ?? '');
        const bias = inputs[2] ? floatConstant(this.graph, inputs[2]).values : undefined;
        return { input, ...rows(pointwise(dims, attribute('group', 1)), values, true), bias };
      }
      // Input, its scale and zero point; weights, theirs; and then each its own.
      case 'QGemm': {
        const transposed = attribute('transB', 0) !== 0;
        const { dims, values } = this.bytes(inputs, transposed ? 0 : 1);
        const sums = this.sums(inputs, inputs[6]);
        const bias = sums && times(sums, factor('alpha'));
        return { input, ...rows(dims, times(values, factor('alpha')), transposed), bias };
      }
      case 'QLinearMatMul': {
        const { dims, values } = this.bytes(inputs, 1);
        return { input, ...rows(dims, values, false), bias: undefined };
      }
      case 'QLinearConv': {
        const { dims, values } = this.bytes(inputs, 0);
        const bias = this.sums(inputs, inputs[8]);
        return { input, ...rows(pointwise(dims, attribute('group', 1)), values, true), bias };
      }
      default:
        throw new TypeError(`its last layer is ${opType}, which is not linear`);
    }
  }

  /** The weights of an operator on bytes. `axis`: that of the classes, which may have a scale each. */
  private bytes(inputs: readonly string[], axis: number) {
    return dequantized(this.constant(inputs[3]), this.constant(inputs[4]), this.optional(inputs[5]), axis);
  }

  /** Its bias: int32 in steps of input scale × weight scale. */
  private sums(inputs: readonly string[], name: string | undefined): Float32Array | undefined {
    if (name === undefined || name === '') return undefined;
    const step = scalarOf(this.constant(inputs[1]));
    const scales = this.constant(inputs[4])
      .values()
      .map((scale) => scale * step);
    return this.constant(name)
      .values()
      .map((value, index) => value * (scales[scales.length === 1 ? 0 : index] ?? Number.NaN));
  }

  private poolLayout(node: GraphNode): LinearHead['layout'] {
    const { opType, attributes, inputs } = node;
    if (opType === 'GlobalAveragePool') return 'NCHW';
    if (opType === 'QLinearGlobalAveragePool') return attributes.get('channels_last')?.int === 1 ? 'NHWC' : 'NCHW';
    if (opType === 'ReduceMean') {
      const given = attributes.get('axes')?.ints ?? (inputs[1] ? [...this.constant(inputs[1]).values()] : []);
      const axes = given.map((axis) => (axis < 0 ? axis + 4 : axis)).sort((a, b) => a - b);
      if (axes.join() === '2,3') return 'NCHW';
      if (axes.join() === '1,2') return 'NHWC';
    }
    throw new TypeError(`what its last layer takes comes from ${opType}, not from a global average pool`);
  }

  /** As bytes where the graph has bytes: an output between an operator and its quantisation would keep the two apart. */
  private features({ opType, inputs }: GraphNode): Pick<LinearHead, 'features' | 'scale' | 'zeroPoint' | 'extension'> {
    const [name = ''] = inputs;
    const producer = this.graph.producers.get(name);
    if (producer === undefined) throw new TypeError('its pool has no feature maps before it');
    if (opType === 'QLinearGlobalAveragePool') return this.output(name, inputs[1], inputs[2]);
    if (producer.opType !== 'DequantizeLinear') return this.output(name);
    const [bytes = '', scale, zeroPoint] = producer.inputs;
    return this.output(bytes, scale, zeroPoint);
  }

  private output(features: string, scale?: string, zeroPoint?: string) {
    const zero = this.optional(zeroPoint);
    const present = this.graph.outputs.includes(features);
    return {
      features,
      scale: scale === undefined ? 1 : scalarOf(this.constant(scale)),
      zeroPoint: zero === undefined ? 0 : scalarOf(zero),
      extension: present ? new Uint8Array() : furtherOutputs([features]),
    };
  }

  private constant(name: string | undefined): ConstantTensor {
    const found = this.optional(name);
    if (found === undefined) throw new TypeError('its last layer lacks a constant');
    return found;
  }

  private optional(name: string | undefined): ConstantTensor | undefined {
    if (name === undefined || name === '') return undefined;
    const found = this.graph.constants.get(name);
    if (found === undefined) throw new TypeError(`${name}, of its last layer, is not a constant`);
    return found;
  }
}

function times(values: Float32Array, factor: number): Float32Array {
  return factor === 1 ? values : values.map((value) => value * factor);
}

/** Weights as [classes, channels], which are so already where `classesFirst`. */
function rows(dims: readonly number[], values: Float32Array, classesFirst: boolean) {
  const [a = 0, b = 0] = dims;
  if (dims.length !== 2) throw new TypeError(`the weights of its last layer have the shape [${dims.join(', ')}]`);
  if (classesFirst) return { classes: a, channels: b, weights: values };
  const weights = new Float32Array(values.length);
  for (let row = 0; row < b; row += 1) {
    for (let channel = 0; channel < a; channel += 1) weights[row * a + channel] = values[channel * b + row] ?? 0;
  }
  return { classes: b, channels: a, weights };
}

/** The shape of the filters of a convolution over single pixels, as of a matrix. */
function pointwise([classes = 0, channels = 0, ...kernel]: readonly number[], group: number): readonly number[] {
  if (group === 1 && kernel.length === 2 && kernel.every((size) => size === 1)) return [classes, channels];
  throw new TypeError('its last layer is a convolution over more than single pixels');
}
