import { describe, expect, it } from 'vitest';
import { encodeModel, type Attribute, type Initializer, type OnnxModel, type OnnxNode } from './encode.js';
import { findLinearHead } from './linear-head.js';
import { readGraph, type ModelGraph } from './read-graph.js';
import { buildResnet50 } from './resnet50.js';
import { buildResnet50Int8 } from '../quantize/resnet50-int8.js';
import { encodeMessage, type DataType } from './schema.js';
import { littleEndianBytes } from './weights.js';

/** Three classes of two channels; every number is a whole count of the steps below. */
const weights = [1, -2, 0.5, 4, -1.5, 3];
const bias = [0.25, -1, 2];
const byClass = [0, 2, 4].map((row) => weights.slice(row, row + 2));
const byChannel = [0, 1].flatMap((channel) => byClass.map((row) => row[channel] ?? 0));

type Constants = Readonly<Record<string, readonly [DataType, readonly number[], readonly number[]]>>;

function constantsOf(constants: Constants): Initializer[] {
  return Object.entries(constants).map(([name, [dataType, dims, values]]) => ({
    name,
    dims,
    dataType,
    chunks: () => {
      if (dataType === 'uint8' || dataType === 'int8') return [Uint8Array.from(values, (value) => value & 255)];
      if (dataType === 'int64') return [Buffer.from(BigInt64Array.from(values, BigInt).buffer)];
      return [littleEndianBytes(dataType === 'int32' ? Int32Array.from(values) : Float32Array.from(values))];
    },
  }));
}

const node = (
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: Record<string, Attribute> = {},
): OnnxNode => ({ name: output, opType, inputs, outputs: [output], attributes });

/** A graph as it is read from a file. `x` is a picture, and `Relu` what makes its feature maps. */
function graphOf(nodes: readonly OnnxNode[], constants: Constants): ModelGraph {
  const model: OnnxModel = {
    ...{ graphName: 'test', docString: '', irVersion: 7, opset: 13 },
    nodes: [node('Relu', ['x'], 'maps'), ...nodes],
    inputs: [{ name: 'x', dims: ['n', 2, 4, 4], dataType: 'float32' }],
    outputs: [{ name: 'logits', dims: ['n', 3], dataType: 'float32' }],
    initializers: constantsOf(constants),
  };
  return readGraph(Buffer.concat([...encodeModel(model)]));
}

const floats: Constants = {
  w: ['float32', [3, 2], weights],
  t: ['float32', [2, 3], byChannel],
  k: ['float32', [3, 2, 1, 1], weights],
  b: ['float32', [3], bias],
  axes: ['int64', [2], [-1, -2]],
};
const step = (values: readonly number[], size: number): number[] => values.map((value) => value / size);
const bytes: Constants = {
  s: ['float32', [], [0.5]],
  z: ['uint8', [], [3]],
  ws: ['float32', [3], [0.5, 0.25, 0.125]],
  wz: ['int8', [3], [0, 0, 0]],
  wq: ['int8', [3, 2], byClass.flatMap((row, index) => step(row, [0.5, 0.25, 0.125][index] ?? 1))],
  tq: ['int8', [2, 3], step(byChannel, 0.5)],
  one: ['float32', [], [0.5]],
  zero: ['int8', [], [0]],
  // The input's step times the weights'.
  bq: ['int32', [3], [1, -8, 32]],
  aq: ['uint8', [3], [5, 0, 12]],
  as: ['float32', [], [0.25]],
  az: ['uint8', [], [4]],
};

const pool = node('GlobalAveragePool', ['maps'], 'pooled');
const flat = node('Flatten', ['pooled'], 'flat', { axis: { int: 1 } });
const bytePool = [
  node('QuantizeLinear', ['maps', 's', 'z'], 'bytes'),
  node('QLinearGlobalAveragePool', ['bytes', 's', 'z', 's', 'z'], 'pooled', { channels_last: { int: 0 } }),
];

describe('findLinearHead', () => {
  it.each<[string, readonly OnnxNode[], Constants, string]>([
    ['Gemm', [pool, flat, node('Gemm', ['flat', 'w', 'b'], 'logits', { transB: { int: 1 } })], floats, 'maps'],
    [
      'MatMul and Add, a Dropout before and a Softmax after',
      [
        ...[pool, flat, node('Dropout', ['flat'], 'dropped'), node('MatMul', ['dropped', 't'], 'product')],
        ...[node('Add', ['b', 'product'], 'sum'), node('Softmax', ['sum'], 'logits')],
      ],
      floats,
      'maps',
    ],
    [
      'transposed weights, and a mean over the picture',
      [
        node('ReduceMean', ['maps', 'axes'], 'pooled', { keepdims: { int: 0 } }),
        ...[node('Transpose', ['w'], 'turned'), node('Gemm', ['pooled', 'turned', 'b'], 'logits')],
      ],
      floats,
      'maps',
    ],
    ['a 1 × 1 Conv', [pool, node('Conv', ['pooled', 'k', 'b'], 'c'), node('Flatten', ['c'], 'logits')], floats, 'maps'],
    [
      'QGemm',
      [...bytePool, flat, node('QGemm', ['flat', 's', 'z', 'wq', 'ws', 'wz', 'bq'], 'logits', { transB: { int: 1 } })],
      bytes,
      'bytes',
    ],
    [
      'QLinearMatMul and QLinearAdd',
      [
        ...[...bytePool, flat, node('QLinearMatMul', ['flat', 's', 'z', 'tq', 'one', 'zero', 's', 'z'], 'product')],
        node('QLinearAdd', ['product', 's', 'z', 'aq', 'as', 'az', 's', 'z'], 'sum'),
        node('DequantizeLinear', ['sum', 's', 'z'], 'logits'),
      ],
      bytes,
      'bytes',
    ],
    [
      'pairs of QuantizeLinear and DequantizeLinear',
      [
        node('QuantizeLinear', ['maps', 's', 'z'], 'bytes'),
        node('DequantizeLinear', ['bytes', 's', 'z'], 'rough'),
        node('GlobalAveragePool', ['rough'], 'pooled'),
        ...[flat, node('DequantizeLinear', ['wq', 'ws', 'wz'], 'weights', { axis: { int: 0 } })],
        node('Gemm', ['flat', 'weights', 'b'], 'logits', { transB: { int: 1 } }),
      ],
      { ...bytes, ...floats },
      'bytes',
    ],
  ])('finds %s', (_name, nodes, constants, features) => {
    const head = findLinearHead(graphOf(nodes, constants));
    const quantized = features === 'bytes';
    expect(head).toMatchObject({ features, classes: 3, channels: 2, layout: 'NCHW' });
    expect([head.scale, head.zeroPoint]).toEqual(quantized ? [0.5, 3] : [1, 0]);
    expect([...head.weights]).toEqual(weights);
    expect([...head.bias]).toEqual(bias);
  });

  it('knows the generated networks, whose file it extends by a few bytes', () => {
    const small = { width: 16, blocks: [1, 1], classes: 20, imageSize: 64 } as const;
    const networks = [
      [buildResnet50(small), 'layer2.0.relu.out'],
      [buildResnet50Int8(small), 'layer2.0.relu.out.quantized'],
    ] as const;
    for (const [{ model }, features] of networks) {
      const file = Buffer.concat([...encodeModel(model)]);
      const head = findLinearHead(readGraph(file));
      expect(head).toMatchObject({ classes: 20, channels: 128, features });
      expect(head.extension.length).toBeLessThan(50);
      const extended = readGraph(Buffer.concat([file, head.extension]));
      expect(extended.outputs).toEqual(['logits', head.features]);
      expect(findLinearHead(extended).extension).toHaveLength(0);
    }
  });

  it.each<[string, readonly OnnxNode[], RegExp]>([
    ['is not linear', [pool, node('Tanh', ['pooled'], 'logits')], /Tanh, which is not linear/],
    [
      'comes behind something else than a pool',
      [node('Flatten', ['maps'], 'flat'), node('Gemm', ['flat', 'w', 'b'], 'logits', { transB: { int: 1 } })],
      /comes from Relu, not from a global average pool/,
    ],
    [
      'has two layers',
      [pool, flat, node('MatMul', ['flat', 't'], 'm'), node('MatMul', ['m', 'w'], 'logits')],
      /MatMul/,
    ],
    ['has no constant weights', [pool, flat, node('Gemm', ['flat', 'x'], 'logits')], /x is not a constant/],
    ['sees more than single pixels', [pool, node('Conv', ['pooled', 'wide'], 'logits')], /more than single pixels/],
    ['averages other axes', [node('ReduceMean', ['maps', 'odd'], 'm'), node('MatMul', ['m', 't'], 'logits')], /Reduce/],
  ])('refuses a network whose end %s', (_what, nodes, reason) => {
    const constants: Constants = {
      ...floats,
      wide: ['float32', [3, 2, 3, 3], Array.from({ length: 54 }, () => 1)],
      odd: ['int64', [1], [2]],
    };
    expect(() => findLinearHead(graphOf(nodes, constants))).toThrow(TypeError);
    expect(() => findLinearHead(graphOf(nodes, constants))).toThrow(reason);
  });

  it('reads numbers where other writers have them, and says what lies in another file', () => {
    const numbers = encodeMessage('ModelProto', {
      graph: {
        initializer: [
          { name: 'w', dims: [3, 2], data_type: 1, float_data: littleEndianBytes(Float32Array.from(weights)) },
          // Packed, and negative: ten bytes for -2.
          { name: 'i', dims: [2], data_type: 3, int32_data: Buffer.from('05feffffffffffffffff01', 'hex') },
          { name: 'far', dims: [1], data_type: 1, data_location: 1 },
          { name: 'short', dims: [2], data_type: 1, raw_data: Buffer.alloc(4) },
        ],
      },
    });
    const { constants } = readGraph(Buffer.from(numbers));
    expect([...(constants.get('w')?.values() ?? [])]).toEqual(weights);
    expect([...(constants.get('i')?.values() ?? [])]).toEqual([5, -2]);
    expect(() => constants.get('far')?.values()).toThrow('in a file of its own');
    expect(() => constants.get('short')?.values()).toThrow('1 values for a shape of [2]');
    expect(() => readGraph(Buffer.from('no model at all'))).toThrow();
  });
});
