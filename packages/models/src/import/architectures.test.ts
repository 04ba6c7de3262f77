import { describe, expect, it } from 'vitest';
import { networks } from '../../../../test/fixtures/checkpoints/networks.js';
import { ModelError } from '../errors.js';
import { GraphBuilder } from '../onnx/graph-builder.js';
import { recognize } from './import-checkpoint.js';
import { NetworkWeights } from './network-weights.js';
import { StoredTensor } from './tensor.js';

type Shapes = ReadonlyMap<string, readonly number[]>;

/** Zeros of these shapes; `value` for the first of each. */
function tensorsOf(shapes: Shapes, value = 0): Map<string, StoredTensor> {
  return new Map(
    [...shapes].map(([name, shape]) => {
      const elements = shape.reduce((product, size) => product * size, 1);
      const read = (_offset: number, length: number) => {
        const bytes = Buffer.alloc(length);
        bytes.writeFloatLE(value);
        return Promise.resolve(bytes);
      };
      const open = () => Promise.resolve({ size: 4 * elements, read });
      const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
      return [name, new StoredTensor({ type: 'float32', elements, open }, 0, shape, strides)];
    }),
  );
}

const shapesOf = (name: string): Map<string, readonly number[]> => new Map(networks[name]?.shapes());

/** As importCheckpoint does it, but for the weights. */
function plan(shapes: Shapes, named?: string, value?: number) {
  const { architecture, tensors } = recognize(tensorsOf(shapes, value), named);
  const weights = new NetworkWeights(tensors);
  const graph = new GraphBuilder();
  const classes = architecture.build(graph, weights);
  weights.check(architecture.name);
  const { model, statistics } = graph.build('x', '');
  return { name: architecture.name, classes, model, statistics, weights };
}

describe('recognize', () => {
  it.each(Object.keys(networks))('knows %s by its tensors, whatever wraps it', (name) => {
    const expected = name.split(' ').at(-1);
    const shapes = shapesOf(name);
    expect(plan(shapes).name).toBe(expected);
    const wrapped = new Map([...shapes].map(([key, shape]) => [`module.model.${key}`, shape]));
    wrapped.set('module.model.counter.num_batches_tracked', []);
    expect(plan(wrapped, expected).name).toBe(expected);
  });

  it('builds networks of the size that their papers say', () => {
    // https://docs.pytorch.org/vision: GFLOPS of resnet18, resnet50, resnext50_32x4d; normalisations have become biases.
    expect(plan(shapesOf('resnet18')).statistics.macs / 1e9).toBeCloseTo(1.81, 2);
    expect(plan(shapesOf('resnet50')).statistics).toEqual({ parameters: 25_557_032 - 26_560, macs: 4_089_184_256 });
    expect(plan(shapesOf('resnext50_32x4d')).statistics.macs / 1e9).toBeCloseTo(4.23, 2);
    // The README of EfficientNet-Lite: 407 and 2640 million.
    expect(plan(shapesOf('efficientnet-lite0')).statistics.macs / 1e6).toBeGreaterThan(380);
    expect(plan(shapesOf('efficientnet-lite4')).statistics.macs / 1e9).toBeCloseTo(2.6, 1);
  });

  it('pads as TensorFlow does, where the size is odd and where it is even', () => {
    const padsOf = (name: string) =>
      plan(shapesOf(name)).model.nodes.find((node) => node.name === '_conv_stem')?.attributes['pads'];
    expect(padsOf('efficientnet-lite0')).toEqual({ ints: [0, 0, 1, 1] });
    // 300 → 150 → 75 → 38: the stride-2 block on 75 pixels has as much padding before as after.
    const model = plan(shapesOf('efficientnet-lite4')).model;
    const two = JSON.stringify({ ints: [2, 2] });
    const strided = model.nodes.filter(({ attributes }) => JSON.stringify(attributes['strides']) === two);
    expect(strided.map(({ attributes }) => attributes['pads'])).toEqual([
      { ints: [0, 0, 1, 1] },
      { ints: [0, 0, 1, 1] },
      { ints: [2, 2, 2, 2] },
      { ints: [0, 0, 1, 1] },
      { ints: [2, 2, 2, 2] },
    ]);
  });

  it('refuses a network that is only like a known one, and says what is different', () => {
    const deepStem = shapesOf('resnet50');
    deepStem.delete('conv1.weight');
    deepStem.set('conv1.0.weight', [32, 3, 3, 3]).set('conv1.3.weight', [32, 32, 3, 3]);
    expect(() => plan(deepStem)).toThrow(
      /like those of resnet50, but it is another network: it lacks conv1\.weight; it also has conv1\.0\.weight, conv1\.3\.weight/,
    );
    const squeezed = shapesOf('efficientnet-lite0').set('_blocks.0._se_reduce.weight', [8, 32, 1, 1]);
    expect(() => plan(squeezed)).toThrow(/it also has _blocks\.0\._se_reduce\.weight\.$/);
    const small = shapesOf('resnet18').set('conv1.weight', [64, 3, 3, 3]);
    expect(() => plan(small)).toThrow(/conv1\.weight is \[64, 3, 3, 3\] where \[64, 3, 7, 7\] was expected/);
  });

  it.each<[string, (shapes: Map<string, readonly number[]>) => unknown, RegExp]>([
    ['no last layer', (shapes) => shapes.delete('fc.weight'), /no last layer \(fc\.weight\)/],
    [
      'more blocks',
      (shapes) => shapes.set('layer2.2.conv1.weight', [1]),
      /basic blocks 2, 3, 2, 2.*Known are resnet18/,
    ],
    ['half a classifier', (shapes) => shapes.set('fc.bias', [7]), /fc\.bias is \[7\] where \[12\] was expected/],
  ])('refuses a ResNet with %s', (_what, change, reason) => {
    const shapes = shapesOf('resnet18');
    change(shapes);
    expect(() => plan(shapes)).toThrow(reason);
  });

  it('refuses every network but the one that was named', () => {
    expect(() => plan(shapesOf('resnet18'), 'resnet34')).toThrow(
      /it is resnet18 by its names and shapes, not resnet34/,
    );
  });

  it('says what a network of another kind has', () => {
    const shapes = new Map([
      ['features.0.weight', [8, 3, 3, 3]],
      ['features.0.bias', [8]],
    ]);
    expect(() => plan(shapes)).toThrow(
      /known: resnet18, .*Its 2 tensors begin with features\.0\.weight, features\.0\.bias/,
    );
    const blocks = new Map([['_conv_stem.weight', [32, 3, 3, 3]]]);
    expect(() => plan(blocks)).toThrow(/no EfficientNet-Lite has 0 blocks/);
  });

  it('refuses weights that are no numbers', async () => {
    await expect(plan(shapesOf('efficientnet-lite0'), undefined, Number.NaN).weights.load()).rejects.toThrow(
      ModelError,
    );
    // Nothing divides by zero: variance 0 leaves epsilon.
    await plan(shapesOf('efficientnet-lite0')).weights.load();
    const stopped = AbortSignal.abort(new Error('enough'));
    await expect(plan(shapesOf('efficientnet-lite0')).weights.load(stopped)).rejects.toThrow('enough');
  });
});
