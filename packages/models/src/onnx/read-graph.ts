/** What is to be known of a model's file to find its way backwards through it. The weights stay where they are. */
import protobuf from 'protobufjs';
import { DATA_TYPE, decodeMessage } from './schema.js';
import { float32Values } from './weights.js';

/** An attribute as the format has it: whichever of these its kind fills. */
interface GraphAttribute {
  readonly int: number;
  readonly float: number;
  readonly ints: readonly number[];
}

export interface GraphNode {
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, GraphAttribute>;
}

/** A constant tensor of numbers; its values are made when they are asked for. */
export interface ConstantTensor {
  readonly dims: readonly number[];
  /** Row-major. Throws TypeError where the file has them elsewhere, or in a type that is not read here. */
  values(): Float32Array;
}

export interface ModelGraph {
  readonly outputs: readonly string[];
  /** By the name of each of its outputs. */
  readonly producers: ReadonlyMap<string, GraphNode>;
  readonly constants: ReadonlyMap<string, ConstantTensor>;
}

/** As decoded: absent numbers are 0, absent bytes an empty list of some kind, 64-bit integers may be objects. */
export type Bytes = Uint8Array | readonly never[];

export interface TensorMessage {
  readonly dims: readonly unknown[];
  readonly data_type: number;
  readonly name: string;
  readonly raw_data: Bytes;
  readonly float_data: Bytes;
  readonly int32_data: Bytes;
  readonly int64_data: Bytes;
  readonly data_location: number;
}

export interface NodeMessage {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly op_type: string;
  readonly attribute: readonly Uint8Array[];
}

export interface AttributeMessage {
  readonly name: string;
  readonly type: number;
  readonly i: unknown;
  readonly f: number;
  readonly s: Uint8Array;
  readonly ints: readonly unknown[];
  readonly t?: TensorMessage | null;
}

interface ModelMessage {
  readonly graph?: {
    readonly node: readonly NodeMessage[];
    readonly initializer: readonly TensorMessage[];
    readonly output: readonly { readonly name: string }[];
  } | null;
}

/** Reads the bytes of an ONNX file, which must not change afterwards. Throws where they are none. */
export function readGraph(file: Buffer): ModelGraph {
  const { graph } = decodeMessage('ModelProto', file) as ModelMessage;
  if (graph === undefined || graph === null) throw new TypeError('the file has no graph');
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, constantOf(tensor)]));
  const producers = new Map<string, GraphNode>();
  for (const message of graph.node) {
    const node = nodeOf(message);
    for (const output of node.outputs) producers.set(output, node);
    const value = message.op_type === 'Constant' ? attributesOf(message).find(({ t }) => t)?.t : undefined;
    if (value) constants.set(node.outputs[0] ?? '', constantOf(value));
  }
  return { outputs: graph.output.map(({ name }) => name), producers, constants };
}

function nodeOf(message: NodeMessage): GraphNode {
  const attributes = attributesOf(message).map(({ name, i, f, ints }) => {
    return [name, { int: Number(i), float: f, ints: ints.map(Number) }] as const;
  });
  const { op_type: opType, input, output } = message;
  return { opType, inputs: input, outputs: output, attributes: new Map(attributes) };
}

export const attributesOf = ({ attribute }: Pick<NodeMessage, 'attribute'>): AttributeMessage[] =>
  attribute.map((bytes) => decodeMessage('AttributeProto', viewOf(bytes)) as AttributeMessage);

function constantOf(tensor: TensorMessage): ConstantTensor {
  const dims = tensor.dims.map(Number);
  const count = dims.reduce((product, dim) => product * dim, 1);
  return {
    dims,
    values: () => {
      const values = valuesOf(tensor);
      if (values.length === count) return values;
      throw new TypeError(
        `the constant ${tensor.name} has ${values.length} values for a shape of [${dims.join(', ')}]`,
      );
    },
  };
}

/** `TensorProto.DataLocation.EXTERNAL`. */
export const elsewhere = 1;

function valuesOf(tensor: TensorMessage): Float32Array {
  const { data_type: type, data_location, name } = tensor;
  if (data_location === elsewhere) throw new TypeError(`the constant ${name} is in a file of its own`);
  const raw = viewOf(tensor.raw_data);
  switch (type) {
    case DATA_TYPE.float32.code:
      return float32Values(raw.length > 0 ? raw : viewOf(tensor.float_data));
    case DATA_TYPE.uint8.code:
      return raw.length > 0 ? new Float32Array(raw) : varints(tensor.int32_data);
    case DATA_TYPE.int8.code:
      return raw.length > 0
        ? new Float32Array(new Int8Array(raw.buffer, raw.byteOffset, raw.byteLength))
        : varints(tensor.int32_data);
    case DATA_TYPE.int32.code:
      if (raw.length === 0) return varints(tensor.int32_data);
      return Float32Array.from({ length: raw.length / 4 }, (_, index) => raw.readInt32LE(index * 4));
    case DATA_TYPE.int64.code:
      if (raw.length === 0) return varints(tensor.int64_data);
      return Float32Array.from({ length: raw.length / 8 }, (_, index) => Number(raw.readBigInt64LE(index * 8)));
    default:
      throw new TypeError(`the constant ${name} is of a type (${type}) that is not read here`);
  }
}

export function viewOf(bytes: Bytes): Buffer {
  return bytes instanceof Uint8Array ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : Buffer.alloc(0);
}

/** Packed integers. */
function varints(bytes: Bytes): Float32Array {
  const reader = protobuf.Reader.create(viewOf(bytes));
  const values: number[] = [];
  while (reader.pos < reader.len) values.push(Number(reader.int64()));
  return Float32Array.from(values);
}

/** Constants of a graph as numbers, whatever the graph does to them before they are used. */
interface FloatConstant {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** The value of `name`. Throws TypeError where it depends on the input, or is made in a way that is not known here. */
export function floatConstant(graph: ModelGraph, name: string): FloatConstant {
  const found = graph.constants.get(name);
  if (found !== undefined) return { dims: found.dims, values: found.values() };
  const node = graph.producers.get(name);
  const [input = '', scale = '', zeroPoint = ''] = node?.inputs ?? [];
  if (node?.opType === 'Identity') return floatConstant(graph, input);
  if (node?.opType === 'Transpose') {
    return transposed(floatConstant(graph, input), node.attributes.get('perm')?.ints);
  }
  const [bytes, step] = [graph.constants.get(input), graph.constants.get(scale)];
  if (node?.opType === 'DequantizeLinear' && bytes !== undefined && step !== undefined) {
    const axis = node.attributes.get('axis')?.int ?? 1;
    return dequantized(bytes, step, graph.constants.get(zeroPoint), axis < 0 ? axis + bytes.dims.length : axis);
  }
  throw new TypeError(`${name} is not a constant`);
}

/** `step × (value − zeroPoint)`, each of which is one number, or one for each place along `axis`. */
export function dequantized(
  tensor: ConstantTensor,
  steps: ConstantTensor,
  zeroPoint: ConstantTensor | undefined,
  axis: number,
): FloatConstant {
  const { dims } = tensor;
  const scales = steps.values();
  const zeros = zeroPoint?.values() ?? new Float32Array(1);
  // Of one axis there is only one.
  const at = Math.min(axis, Math.max(0, dims.length - 1));
  const length = dims[at] ?? 1;
  const stride = dims.slice(at + 1).reduce((product, dim) => product * dim, 1);
  for (const each of [scales, zeros]) {
    if (each.length !== 1 && each.length !== length) throw new TypeError('a scale for each of something else');
  }
  // Millions of them: one place at a time, without a call for each value.
  const values = tensor.values();
  for (let from = 0; from < values.length; from += stride) {
    const place = (from / stride) % length;
    const scale = scales[scales.length === 1 ? 0 : place] ?? 0;
    const zero = zeros[zeros.length === 1 ? 0 : place] ?? 0;
    for (let index = from; index < from + stride; index += 1) values[index] = scale * ((values[index] ?? 0) - zero);
  }
  return { dims, values };
}

/** The one number of a constant. Throws TypeError where there are more. */
export function scalarOf(constant: ConstantTensor): number {
  const [value, ...others] = constant.values();
  if (value === undefined || others.length > 0) throw new TypeError('a scale for the whole tensor was expected');
  return value;
}

function transposed({ dims, values }: FloatConstant, permutation: readonly number[] | undefined): FloatConstant {
  const [rows = 0, columns = 0] = dims;
  const order = permutation ?? dims.map((_, axis) => dims.length - 1 - axis);
  if (order.join() === dims.map((_, axis) => axis).join()) return { dims, values };
  if (dims.length !== 2) throw new TypeError('a transposed constant that is no matrix');
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      result[column * rows + row] = values[row * columns + column] ?? 0;
    }
  }
  return { dims: [columns, rows], values: result };
}
