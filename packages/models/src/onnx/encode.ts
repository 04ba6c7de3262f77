import protobuf from 'protobufjs';
import { ATTRIBUTE_TYPE, DATA_TYPE, FIELD, encodeMessage, type DataType } from './schema.js';

export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string }
  /** An encoded AttributeProto, as a file had it: of a kind that nothing here looks into. */
  | { readonly raw: Uint8Array };

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

/** A graph input or output; a string dimension is symbolic (the batch), an empty one unknown. */
export interface ValueInfo {
  readonly name: string;
  /** undefined: nobody has said. */
  readonly dims: readonly (number | string)[] | undefined;
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
  /** Encoded FunctionProtos of operators that the file itself defines. */
  readonly functions?: readonly Uint8Array[];
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
    functions: model.functions ?? [],
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

/** To be appended to a model's file, which then has these tensors as its last outputs: protobuf's readers merge messages. */
export const furtherOutputs = (names: readonly string[]): Uint8Array =>
  encodeMessage('ModelProto', { graph: { output: names.map((name) => ({ name })) } });

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

function attributeMessage(name: string, value: Attribute): Uint8Array {
  if ('raw' in value) return value.raw;
  const message = (): Record<string, unknown> => {
    if ('int' in value) return { type: ATTRIBUTE_TYPE.int, i: value.int };
    if ('float' in value) return { type: ATTRIBUTE_TYPE.float, f: value.float };
    if ('string' in value) return { type: ATTRIBUTE_TYPE.string, s: Buffer.from(value.string) };
    return { type: ATTRIBUTE_TYPE.ints, ints: value.ints };
  };
  return encodeMessage('AttributeProto', { name, ...message() });
}

function valueMessage({ name, dims, dataType }: ValueInfo): Record<string, unknown> {
  const dim = dims?.map((size) => {
    if (typeof size === 'number') return { dim_value: size };
    return size === '' ? {} : { dim_param: size };
  });
  return { name, type: { tensor_type: { elem_type: DATA_TYPE[dataType].code, ...(dim && { shape: { dim } }) } } };
}
