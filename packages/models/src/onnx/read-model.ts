/** An ONNX file as a model that can be changed and written again. What is not understood here is kept as it is. */
import type { Attribute, Initializer, OnnxModel, OnnxNode, ValueInfo } from './encode.js';
import {
  attributesOf,
  elsewhere,
  viewOf,
  type AttributeMessage,
  type Bytes,
  type NodeMessage,
  type TensorMessage,
} from './read-graph.js';
import { ATTRIBUTE_TYPE, DATA_TYPE, decodeMessage, type DataType } from './schema.js';
import { littleEndianBytes } from './weights.js';

interface ValueMessage {
  readonly name: string;
  readonly type?: {
    readonly tensor_type?: {
      readonly elem_type: number;
      readonly shape?: { readonly dim: readonly { readonly dim_value: unknown; readonly dim_param: string }[] } | null;
    } | null;
  } | null;
}

interface ModelMessage {
  readonly ir_version: unknown;
  readonly doc_string: string;
  readonly opset_import: readonly { readonly domain: string; readonly version: unknown }[];
  readonly functions: readonly Uint8Array[];
  readonly graph?: {
    readonly name: string;
    readonly node: readonly NodeMessage[];
    readonly initializer: readonly (TensorMessage & { readonly double_data: Bytes })[];
    readonly input: readonly ValueMessage[];
    readonly output: readonly ValueMessage[];
    readonly sparse_initializer: readonly Uint8Array[];
  } | null;
}

/**
 * Reads the bytes of an ONNX file, which must not change afterwards: the weights of the model point into them. Constant
 * nodes become initializers; constants are inputs no longer, as files before IR version 4 have them.
 * Throws TypeError for weights in other files (external data) or in a form that is not read here, and for what is no model.
 */
export function readModel(file: Buffer): OnnxModel {
  const message = decodeMessage('ModelProto', file) as ModelMessage;
  const { graph } = message;
  if (graph === undefined || graph === null) throw new TypeError('the file has no graph');
  if (graph.sparse_initializer.length > 0) throw new TypeError('sparse weights are not read here');
  const initializers = graph.initializer.map(initializerOf);
  const nodes: OnnxNode[] = [];
  for (const node of graph.node) {
    const value = node.op_type === 'Constant' ? attributesOf(node).find(({ t }) => t)?.t : undefined;
    if (value) initializers.push({ ...initializerOf(value), name: node.output[0] ?? '' });
    else nodes.push(nodeOf(node));
  }
  const constants = new Set(initializers.map(({ name }) => name));
  const opsets = new Map(message.opset_import.map(({ domain, version }) => [domain, Number(version)]));
  const opset = opsets.get('') ?? opsets.get('ai.onnx');
  if (opset === undefined) throw new TypeError('the file names no operator set of ONNX');
  const extraOpsets = Object.fromEntries([...opsets].filter(([domain]) => domain !== '' && domain !== 'ai.onnx'));
  return {
    graphName: graph.name,
    docString: message.doc_string,
    // From 4 on constants need not be inputs.
    irVersion: Math.max(4, Number(message.ir_version)),
    opset,
    extraOpsets,
    nodes,
    inputs: graph.input.filter(({ name }) => !constants.has(name)).map(valueOf),
    outputs: graph.output.map(valueOf),
    initializers,
    functions: message.functions.map((bytes) => viewOf(bytes)),
  };
}

function nodeOf(message: NodeMessage & { readonly name?: string; readonly domain?: string }): OnnxNode {
  const decoded = attributesOf(message);
  const attributes = decoded.map((each, index) => [each.name, attributeOf(each, message.attribute[index])] as const);
  return {
    name: message.name ?? '',
    opType: message.op_type,
    inputs: message.input,
    outputs: message.output,
    attributes: Object.fromEntries(attributes),
    ...(message.domain ? { domain: message.domain } : {}),
  };
}

function attributeOf({ type, i, f, ints }: AttributeMessage, raw: Uint8Array | undefined): Attribute {
  const whole = ints.map(Number);
  if (type === ATTRIBUTE_TYPE.int && Number.isSafeInteger(Number(i))) return { int: Number(i) };
  if (type === ATTRIBUTE_TYPE.float) return { float: f };
  if (type === ATTRIBUTE_TYPE.ints && whole.every(Number.isSafeInteger)) return { ints: whole };
  return { raw: raw ?? new Uint8Array() };
}

function valueOf({ name, type }: ValueMessage): ValueInfo {
  const tensor = type?.tensor_type;
  if (!tensor) throw new TypeError(`${name} is an input or output that is no tensor`);
  const dims = tensor.shape?.dim.map(({ dim_value: value, dim_param: param }) => param || Number(value) || '');
  return { name, dims, dataType: dataTypeOf(name, tensor.elem_type) };
}

function dataTypeOf(name: string, code: number): DataType {
  const found = Object.entries(DATA_TYPE).find(([, type]) => type.code === code);
  if (found === undefined) throw new TypeError(`${name} is of a type (${code}) that is not read here`);
  return found[0] as DataType;
}

function initializerOf(tensor: TensorMessage & { readonly double_data?: Bytes }): Initializer {
  const { name } = tensor;
  if (tensor.data_location === elsewhere) {
    throw new TypeError(
      `its weights are in a file of their own (external data of ${name}): save the model as one file, with ` +
        `onnx.save_model(onnx.load('model.onnx'), 'one-file.onnx')`,
    );
  }
  const dataType = dataTypeOf(name, tensor.data_type);
  const dims = tensor.dims.map(Number);
  return { name, dims, dataType, chunks: () => [bytesOf(tensor, dataType)] };
}

/** As raw data, whichever field they are in. */
function bytesOf(tensor: TensorMessage & { readonly double_data?: Bytes }, dataType: DataType): Uint8Array {
  const raw = viewOf(tensor.raw_data);
  if (raw.length > 0) return raw;
  if (dataType === 'float32') return viewOf(tensor.float_data);
  if (dataType === 'float64') return viewOf(tensor.double_data ?? []);
  const numbers = integers(viewOf(dataType === 'int64' ? tensor.int64_data : tensor.int32_data));
  if (dataType === 'int64') {
    const bytes = Buffer.alloc(8 * numbers.length);
    numbers.forEach((value, index) => bytes.writeBigInt64LE(value, 8 * index));
    return bytes;
  }
  if (dataType === 'int32') return littleEndianBytes(Int32Array.from(numbers, Number));
  if (DATA_TYPE[dataType].size === 1) return Uint8Array.from(numbers, (value) => Number(BigInt.asUintN(8, value)));
  const halves = Buffer.alloc(2 * numbers.length);
  numbers.forEach((value, index) => halves.writeUInt16LE(Number(BigInt.asUintN(16, value)), 2 * index));
  return halves;
}

/** Packed varints, seven bits a byte; a negative one has ten bytes. */
function integers(bytes: Buffer): bigint[] {
  const values: bigint[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    values.push(BigInt.asIntN(64, value));
    [value, shift] = [0n, 0n];
  }
  return values;
}
