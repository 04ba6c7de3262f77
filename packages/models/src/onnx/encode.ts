import protobuf from 'protobufjs';
import { ATTRIBUTE_TYPE, DATA_TYPE, FIELD, encodeMessage, type DataType } from './schema.js';

export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string };

export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Operator domain; empty or absent for the standard operators, e.g. `com.microsoft` for contributed ones. */
  readonly domain?: string;
}

/** A constant tensor. Its bytes are made when they are written: `chunks` may be called more than once. */
export interface Initializer {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: DataType;
  /** Little-endian, row-major; all chunks together are `product(dims) × element size` bytes. */
  chunks(): Iterable<Uint8Array>;
}

/** A graph input or output; a string dimension is symbolic (the batch). */
export interface ValueInfo {
  readonly name: string;
  readonly dims: readonly (number | string)[];
  readonly dataType: DataType;
}

export interface OnnxModel {
  readonly graphName: string;
  readonly docString: string;
  readonly irVersion: number;
  readonly opset: number;
  /** Further operator sets that nodes use, by domain. */
  readonly extraOpsets?: Readonly<Record<string, number>>;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: readonly Initializer[];
}

export const elementCount = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/**
 * Writes a model as ONNX protobuf, chunk by chunk: memory stays at one chunk of weights however large the model.
 * The bytes depend on the model alone. Throws TypeError for a malformed model.
 */
export function* encodeModel(model: OnnxModel): Generator<Uint8Array, void, undefined> {
  const tensors = model.initializers.map((initializer) => {
    const bytes = elementCount(initializer.dims) * DATA_TYPE[initializer.dataType].size;
    const header = encodeMessage('TensorProto', {
      dims: initializer.dims,
      data_type: DATA_TYPE[initializer.dataType].code,
      name: initializer.name,
    });
    const inner = Buffer.concat([header, delimiter(FIELD.tensorRawData, bytes)]);
    const head = Buffer.concat([delimiter(FIELD.graphInitializer, inner.length + bytes), inner]);
    return { initializer, bytes, head };
  });
  const graph = encodeMessage('GraphProto', {
    name: model.graphName,
    node: model.nodes.map(nodeMessage),
    input: model.inputs.map(valueMessage),
    output: model.outputs.map(valueMessage),
  });
  const graphBytes = tensors.reduce((sum, { head, bytes }) => sum + head.length + bytes, graph.length);

  yield encodeMessage('ModelProto', {
    ir_version: model.irVersion,
    producer_name: 'quintet',
    doc_string: model.docString,
    opset_import: [
      { domain: '', version: model.opset },
      ...Object.entries(model.extraOpsets ?? {}).map(([domain, version]) => ({ domain, version })),
    ],
  });
  yield delimiter(FIELD.modelGraph, graphBytes);
  yield graph;
  for (const { initializer, bytes, head } of tensors) {
    yield head;
    let written = 0;
    for (const chunk of initializer.chunks()) {
      written += chunk.byteLength;
      yield chunk;
    }
    if (written !== bytes) {
      throw new TypeError(`onnx initializer ${initializer.name}: ${written} bytes for a shape of ${bytes}`);
    }
  }
}

/** Bytes of the encoded model, without making its weights. */
export function weightBytes(model: OnnxModel): number {
  return model.initializers.reduce((sum, { dims, dataType }) => sum + elementCount(dims) * DATA_TYPE[dataType].size, 0);
}

/** Tag and length of a length-delimited field (wire type 2). */
function delimiter(field: number, length: number): Uint8Array {
  return protobuf.Writer.create()
    .uint32(field * 8 + 2)
    .uint32(length)
    .finish();
}

function nodeMessage(node: OnnxNode): Record<string, unknown> {
  return {
    input: node.inputs,
    output: node.outputs,
    name: node.name,
    op_type: node.opType,
    attribute: Object.entries(node.attributes).map(([name, value]) => attributeMessage(name, value)),
    ...(node.domain === undefined ? {} : { domain: node.domain }),
  };
}

function attributeMessage(name: string, value: Attribute): Record<string, unknown> {
  if ('int' in value) return { name, type: ATTRIBUTE_TYPE.int, i: value.int };
  if ('float' in value) return { name, type: ATTRIBUTE_TYPE.float, f: value.float };
  if ('string' in value) return { name, type: ATTRIBUTE_TYPE.string, s: Buffer.from(value.string) };
  return { name, type: ATTRIBUTE_TYPE.ints, ints: value.ints };
}

function valueMessage({ name, dims, dataType }: ValueInfo): Record<string, unknown> {
  const dim = dims.map((size) => (typeof size === 'string' ? { dim_param: size } : { dim_value: size }));
  return { name, type: { tensor_type: { elem_type: DATA_TYPE[dataType].code, shape: { dim } } } };
}
