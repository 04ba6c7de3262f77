import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../mirror.test-support.js';
import { encodeModel, type Attribute, type Initializer, type OnnxModel, type OnnxNode } from '../onnx/encode.js';
import { findLinearHead } from '../onnx/linear-head.js';
import { readGraph } from '../onnx/read-graph.js';
import { readModel } from '../onnx/read-model.js';
import { classify, measure } from '../onnx/run-onnx.test-support.js';
import { constantChunk, filterChunks, float32Values, littleEndianBytes } from '../onnx/weights.js';
import { floatValues } from './plan.js';
import { quantizeModel, steps, tensorsToMeasure, type Range } from './quantize-model.js';

const side = 16;
const ints = (...values: number[]): Attribute => ({ ints: values });
const pads = { pads: ints(1, 1, 1, 1), kernel_shape: ints(3, 3) };

const filters = (name: string, dims: readonly number[]): Initializer => {
  const [count = 0, ...rest] = dims;
  const fanIn = rest.reduce((product, dim) => product * dim, 1);
  const bank = { seed: 7, stream: name, filters: count, fanIn, std: Math.sqrt(2 / fanIn), centred: false };
  return { name, dims, dataType: 'float32', chunks: () => filterChunks(bank) };
};
const floats = (name: string, values: readonly number[], dims = [values.length]): Initializer => ({
  ...{ name, dims, dataType: 'float32' },
  chunks: () => [littleEndianBytes(Float32Array.from(values))],
});
const node = (
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: Record<string, Attribute> = {},
): OnnxNode => ({ name: output, opType, inputs, outputs: [output], attributes });

function modelOf(nodes: readonly OnnxNode[], initializers: readonly Initializer[], opset = 13): OnnxModel {
  return {
    ...{ graphName: 'small', docString: '', irVersion: 7, opset, nodes, initializers },
    inputs: [{ name: 'data', dims: ['n', 3, side, side], dataType: 'float32' }],
    outputs: [{ name: 'logits', dims: ['n', 10], dataType: 'float32' }],
  };
}

/** Everything that is quantised, and a branch that is not: Sigmoid and Mul. */
const everything = modelOf(
  [
    node('Conv', ['data', 'stem'], 'c1', { ...pads, strides: ints(2, 2) }),
    node('BatchNormalization', ['c1', 'gamma', 'beta', 'mean', 'var'], 'n1', { epsilon: { float: 1e-3 } }),
    node('Relu', ['n1'], 'r1'),
    node('MaxPool', ['r1'], 'p1', { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
    node('Conv', ['p1', 'depth', 'b8'], 'c2', { ...pads, group: { int: 8 } }),
    node('Clip', ['c2', 'zero', 'six'], 'r2'),
    node('Conv', ['r2', 'point'], 'c3', { kernel_shape: ints(1, 1) }),
    node('Add', ['p1', 'c3'], 'a1'),
    node('Conv', ['a1', 'swish', 'b8'], 'c4', { kernel_shape: ints(1, 1) }),
    node('Sigmoid', ['c4'], 's4'),
    node('Mul', ['c4', 's4'], 'm4'),
    node('Conv', ['m4', 'last'], 'c5', { kernel_shape: ints(1, 1) }),
    node('Concat', ['a1', 'c5'], 'cat', { axis: { int: 1 } }),
    node('GlobalAveragePool', ['cat'], 'gap'),
    node('Flatten', ['gap'], 'flat'),
    node('Gemm', ['flat', 'fc', 'fcb'], 'logits'),
  ],
  [
    ...[filters('stem', [8, 3, 3, 3]), filters('depth', [8, 1, 3, 3]), filters('point', [8, 8, 1, 1])],
    ...[filters('swish', [8, 8, 1, 1]), filters('last', [8, 8, 1, 1]), filters('fc', [16, 10])],
    ...[floats('gamma', [1, 2, 0.5, 1, 1, -1, 1, 0]), floats('beta', [0, 0.5, -0.5, 0, 1, 0, 0, 0.25])],
    ...[floats('mean', [0, 0.1, 0, 0, -0.2, 0, 0, 0]), floats('var', [1, 4, 0.25, 1, 1, 1, 2, 1])],
    floats('b8', [0.1, -0.1, 0, 0, 0.2, 0, 0, 0]),
    floats(
      'fcb',
      [0, 1, 2, 3, 4, -1, -2, 0, 0, 0].map((each) => each / 10),
    ),
    ...[floats('zero', [0], []), floats('six', [6], [])],
  ],
);

const fileOf = (model: OnnxModel): Buffer => Buffer.concat([...encodeModel(model)]);

/** Logits of float32 and int8 model in ONNX Runtime, with ranges measured over the same pictures. */
async function answersOf(model: OnnxModel, narrow: boolean) {
  const folder = await temporaryFolder();
  const [float, wide, int8] = ['float', 'wide', 'int8'].map((name) => join(folder, `${name}.onnx`));
  if (float === undefined || wide === undefined || int8 === undefined) throw new Error('no paths');
  const names = tensorsToMeasure(model);
  await writeFile(float, fileOf(model));
  const further = names
    .filter((name) => name !== 'data')
    .map((name) => ({ name, dims: undefined, dataType: 'float32' }) as const);
  await writeFile(wide, fileOf({ ...model, outputs: [...model.outputs, ...further] }));
  const ranges = new Map<string, Range>(Object.entries(await measure(wide, side)));
  const quantized = quantizeModel(model, { ranges, narrow });
  await writeFile(int8, fileOf(quantized));
  return { quantized, names, expected: await classify(float, side), found: await classify(int8, side) };
}

describe('quantizeModel', () => {
  it.each([
    ['in 8 bits', false, 0.05],
    ['in 7 bits', true, 0.08],
  ])('answers in ONNX Runtime as the float32 network does, with weights %s', async (_name, narrow, bound) => {
    const { quantized, names, expected, found } = await answersOf(everything, narrow);
    expect(names).toEqual(['data', 'r1', 'r2', 'c3', 'a1', 'c4', 'm4', 'c5', 'cat', 'gap']);
    const operators = quantized.nodes.map(({ opType }) => opType);
    expect(operators).not.toContain('Relu');
    expect(operators).not.toContain('Clip');
    expect(operators).not.toContain('BatchNormalization');
    expect(new Set(quantized.nodes.map(({ domain }) => domain))).toEqual(new Set([undefined]));
    expect(found.single).toEqual(found.rows);
    found.rows.forEach((row, picture) => {
      const logits = expected.rows[picture] ?? [];
      const spread = Math.max(...logits) - Math.min(...logits);
      row.forEach((value, index) => {
        expect(Math.abs(value - (logits[index] ?? Number.NaN)) / spread).toBeLessThan(bound);
      });
    });
  });

  it('can be explained, as the float32 network can', () => {
    const ranges = new Map(tensorsToMeasure(everything).map((name) => [name, { low: -1, high: 6 }]));
    const head = findLinearHead(readGraph(fileOf(quantizeModel(everything, { ranges, narrow: false }))));
    const float = findLinearHead(readGraph(fileOf(everything)));
    expect(head).toMatchObject({ classes: 10, channels: 16, layout: 'NCHW', features: 'cat.quantized' });
    head.weights.forEach((weight, index) => {
      expect(weight).toBeCloseTo(float.weights[index] ?? Number.NaN, 1);
    });
    head.bias.forEach((value, index) => {
      expect(value).toBeCloseTo(float.bias[index] ?? Number.NaN, 3);
    });
  });

  it('keeps what it does not know, and reads an older operator set', async () => {
    const { nodes, initializers } = everything;
    const old = modelOf(
      nodes.map((each) =>
        each.opType === 'Clip'
          ? { ...each, inputs: ['c2'], attributes: { min: { float: 0 }, max: { float: 6 } } }
          : each,
      ),
      initializers,
      9,
    );
    // As a file of that age has them: constants are inputs, too.
    const file = fileOf({
      ...old,
      irVersion: 3,
      inputs: [...old.inputs, ...initializers.map(({ name, dims }) => ({ name, dims, dataType: 'float32' }) as const)],
    });
    const { quantized, expected, found } = await answersOf(readModel(file), false);
    expect([quantized.opset, quantized.irVersion]).toEqual([13, 7]);
    expect(found.rows[0]?.[4]).toBeCloseTo(expected.rows[0]?.[4] ?? Number.NaN, 0);
    const ranges = new Map(tensorsToMeasure(everything).map((name) => [name, { low: 0, high: 1 }]));
    const odd = { raw: Buffer.from('0a036f64643d0000803fa00106', 'hex') };
    const kept = quantizeModel(
      {
        ...everything,
        nodes: nodes.map((each) => (each.opType === 'Sigmoid' ? { ...each, attributes: { odd } } : each)),
      },
      { ranges, narrow: false },
    );
    expect(readModel(fileOf(kept)).nodes.find(({ opType }) => opType === 'Sigmoid')?.attributes).toEqual({ odd });
  });

  it.each<[string, OnnxModel, RegExp]>([
    [
      'is quantised already',
      modelOf([node('DequantizeLinear', ['data', 'stem'], 'logits')], everything.initializers),
      /quantised already/,
    ],
    ['has no convolution', modelOf([node('Relu', ['data'], 'logits')], []), /no convolution/],
    [
      'has convolutions whose weights are not constant',
      modelOf([node('Conv', ['data', 'data'], 'logits')], []),
      /no convolution with float32 weights/,
    ],
    [
      'is of an operator set too old',
      modelOf([node('Conv', ['data', 'stem'], 'c'), node('Pad', ['c'], 'logits')], everything.initializers, 10),
      /Pad is written for operator set 10.*opset_version=13/,
    ],
  ])('refuses a model that %s', (_what, model, reason) => {
    expect(() => tensorsToMeasure(model)).toThrow(reason);
    expect(() => quantizeModel(model, { ranges: new Map(), narrow: false })).toThrow(reason);
  });

  it('names the tensor that has no range', () => {
    expect(() => quantizeModel(everything, { ranges: new Map(), narrow: false })).toThrow(
      'no range for the tensor data',
    );
  });

  it('makes steps that hold a bias in 32 bits, however small the weights', () => {
    const small = modelOf(
      [node('Conv', ['data', 'w', 'b'], 'c', { kernel_shape: ints(1, 1) }), node('Conv', ['c', 'v'], 'logits')],
      [floats('w', [1e-12, 0, 0, 1, 0, 0], [2, 3, 1, 1]), floats('b', [100, 100]), filters('v', [10, 2, 1, 1])],
    );
    const ranges = new Map(tensorsToMeasure(small).map((name) => [name, { low: 0, high: 1 }]));
    const { initializers } = quantizeModel(small, { ranges, narrow: false });
    const bytes = (name: string): Buffer =>
      Buffer.concat([...(initializers.find((each) => each.name === name)?.chunks() ?? [])]);
    const [counts, scales] = [bytes('c.weights.bias'), float32Values(bytes('c.weights.bias_scale'))];
    scales.forEach((scale, index) => {
      expect(counts.readInt32LE(4 * index) * scale).toBeCloseTo(100, 2);
    });
  });
});

describe('steps', () => {
  const value = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });

  it('reach from the lowest to the highest value, with 0 exactly', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const { scale, zeroPoint } = steps({ low, high });
        expect(scale).toBeGreaterThan(0);
        expect(Math.fround(scale)).toBe(scale);
        expect(Number.isInteger(zeroPoint)).toBe(true);
        expect(zeroPoint).toBeGreaterThanOrEqual(0);
        expect(zeroPoint).toBeLessThanOrEqual(255);
        // Half a step, which rounding the zero point costs, and float32's own rounding.
        expect(-zeroPoint * scale).toBeLessThanOrEqual(low + scale * 0.501);
        expect((255 - zeroPoint) * scale).toBeGreaterThanOrEqual(high - scale * 0.501);
      }),
    );
  });

  it('are the bytes of pictures where all channels are normalised alike', () => {
    expect(steps({ low: -127 / 128, high: 1 })).toEqual({ scale: 1 / 128, zeroPoint: 127 });
    expect(steps({ low: 0, high: 0 })).toEqual({ scale: 1, zeroPoint: 0 });
  });
});

describe('floatValues', () => {
  it('puts chunks together', () => {
    const chunks = () => [constantChunk(2, 1), constantChunk(1, 2)];
    expect([...floatValues({ name: 'x', dims: [3], dataType: 'float32', chunks })]).toEqual([1, 1, 2]);
  });
});
