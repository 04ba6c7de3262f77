import protobuf from 'protobufjs';

/*
 * The part of onnx.proto that a generated graph needs, and a classifier that is read to be changed (read-model.ts). Field numbers are those
 * of `onnx/onnx.proto` in the onnx/onnx repository (proto2 syntax, stable by the format's own versioning rules). Payloads of
 * tensors are bytes here, also those that the format packs as numbers: what is read of a file of 100 MB points into it, and
 * only the few that matter become numbers (read-graph.ts). Writing leaves them out: encode.ts streams them, so that 100 MB of
 * weights never has to exist twice in memory.
 */
const schema = {
  nested: {
    OperatorSetIdProto: {
      fields: { domain: { type: 'string', id: 1 }, version: { type: 'int64', id: 2 } },
    },
    AttributeProto: {
      fields: {
        name: { type: 'string', id: 1 },
        f: { type: 'float', id: 2 },
        i: { type: 'int64', id: 3 },
        s: { type: 'bytes', id: 4 },
        t: { type: 'TensorProto', id: 5 },
        ints: { rule: 'repeated', type: 'int64', id: 8, options: { packed: false } },
        type: { type: 'int32', id: 20 },
      },
    },
    // Attributes are messages; as bytes they are kept whole, also those of kinds that are not known here.
    NodeProto: {
      fields: {
        input: { rule: 'repeated', type: 'string', id: 1 },
        output: { rule: 'repeated', type: 'string', id: 2 },
        name: { type: 'string', id: 3 },
        op_type: { type: 'string', id: 4 },
        attribute: { rule: 'repeated', type: 'bytes', id: 5 },
        domain: { type: 'string', id: 7 },
      },
    },
    TensorProto: {
      fields: {
        dims: { rule: 'repeated', type: 'int64', id: 1, options: { packed: false } },
        data_type: { type: 'int32', id: 2 },
        float_data: { type: 'bytes', id: 4 },
        int32_data: { type: 'bytes', id: 5 },
        int64_data: { type: 'bytes', id: 7 },
        name: { type: 'string', id: 8 },
        raw_data: { type: 'bytes', id: 9 },
        double_data: { type: 'bytes', id: 10 },
        data_location: { type: 'int32', id: 14 },
      },
    },
    Dimension: {
      fields: { dim_value: { type: 'int64', id: 1 }, dim_param: { type: 'string', id: 2 } },
    },
    TensorShapeProto: { fields: { dim: { rule: 'repeated', type: 'Dimension', id: 1 } } },
    TensorType: {
      fields: { elem_type: { type: 'int32', id: 1 }, shape: { type: 'TensorShapeProto', id: 2 } },
    },
    TypeProto: { fields: { tensor_type: { type: 'TensorType', id: 1 } } },
    ValueInfoProto: { fields: { name: { type: 'string', id: 1 }, type: { type: 'TypeProto', id: 2 } } },
    GraphProto: {
      fields: {
        node: { rule: 'repeated', type: 'NodeProto', id: 1 },
        name: { type: 'string', id: 2 },
        initializer: { rule: 'repeated', type: 'TensorProto', id: 5 },
        input: { rule: 'repeated', type: 'ValueInfoProto', id: 11 },
        output: { rule: 'repeated', type: 'ValueInfoProto', id: 12 },
        sparse_initializer: { rule: 'repeated', type: 'bytes', id: 15 },
      },
    },
    ModelProto: {
      fields: {
        ir_version: { type: 'int64', id: 1 },
        producer_name: { type: 'string', id: 2 },
        producer_version: { type: 'string', id: 3 },
        doc_string: { type: 'string', id: 6 },
        graph: { type: 'GraphProto', id: 7 },
        opset_import: { rule: 'repeated', type: 'OperatorSetIdProto', id: 8 },
        functions: { rule: 'repeated', type: 'bytes', id: 25 },
      },
    },
  },
};

/** Field numbers of the two places where encode.ts splices streamed bytes in, and of the payload itself. */
export const FIELD = { modelGraph: 7, graphInitializer: 5, tensorRawData: 9 } as const;

/** `AttributeProto.AttributeType`. */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** `TensorProto.DataType` and the size of one element in bytes. */
export const DATA_TYPE = {
  float32: { code: 1, size: 4 },
  uint8: { code: 2, size: 1 },
  int8: { code: 3, size: 1 },
  uint16: { code: 4, size: 2 },
  int16: { code: 5, size: 2 },
  int32: { code: 6, size: 4 },
  int64: { code: 7, size: 8 },
  bool: { code: 9, size: 1 },
  float16: { code: 10, size: 2 },
  float64: { code: 11, size: 8 },
} as const;

export type DataType = keyof typeof DATA_TYPE;

type MessageName = 'AttributeProto' | 'TensorProto' | 'GraphProto' | 'ModelProto';

let root: protobuf.Root | undefined;

/** The root is compiled on first use, not at import. */
function typeOf(name: MessageName): protobuf.Type {
  // keepCase is not an option of fromJSON: the names above are used as they are, snake_case like the format's.
  root ??= protobuf.Root.fromJSON(schema);
  return root.lookupType(name);
}

/** Decodes one message; its bytes are views of `bytes`. Throws for what is no such message. */
export function decodeMessage(name: MessageName, bytes: Buffer): unknown {
  return typeOf(name).decode(bytes);
}

/** Encodes one message. */
export function encodeMessage(name: MessageName, value: Record<string, unknown>): Uint8Array {
  const type = typeOf(name);
  const problem = type.verify(value);
  if (problem !== null) throw new TypeError(`onnx ${name}: ${problem}`);
  return type.encode(value).finish();
}
