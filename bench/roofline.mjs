/**
 * The roof over it all: what the FMA units of one core do in ONNX Runtime where nothing holds them up, in one large
 * convolution and in a product of two large matrices, against what they do in the ResNet-50 graph. One thread each, in
 * turns; medians.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { importBuilt, root } from '../scripts/lib/project.mjs';
import { startBare } from './lib/bare.mjs';
import { benchModel } from './lib/model.mjs';
import { median } from './lib/statistics.mjs';

export const summary = 'GFLOP/s of a core: one large convolution against the ResNet-50 graph';
export const options = {
  rounds: { type: /** @type {const} */ ('string'), default: '5', hint: 'N' },
  size: { type: /** @type {const} */ ('string'), default: '1536', hint: 'N: rows of the square matrices' },
};

/** @typedef {{ opType: string, input: number[], constant: number[], output: number[], attributes: Record<string, unknown>, flop: number }} Operator */

/** @param {number} size @returns {Operator} */
const product = (size) => ({
  opType: 'MatMul',
  input: [size, size],
  constant: [size, size],
  output: [size, size],
  attributes: {},
  flop: 2 * size ** 3,
});

/** The shape of ResNet-50's 3 × 3 convolutions, with four times the channels. @returns {Operator} */
const convolution = () => ({
  opType: 'Conv',
  input: [1, 256, 56, 56],
  constant: [256, 256, 3, 3],
  output: [1, 256, 56, 56],
  attributes: { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } },
  flop: 2 * 256 * 256 * 9 * 56 * 56,
});

const elements = (/** @type {number[]} */ dims) => dims.reduce((all, each) => all * each, 1);

/** One operator as a graph, and a function that runs it and tells its GFLOP/s. @param {Operator} operator */
async function measurable({ opType, input, constant, output, attributes, flop }) {
  const { encodeModel } = await importBuilt('packages/models/dist/index.js');
  const { sessionOptions } = await importBuilt('services/worker/dist/inference/session.js');
  const { InferenceSession, Tensor } = createRequire(join(root, 'services/worker/package.json'))('onnxruntime-node');
  const weights = Float32Array.from({ length: elements(constant) }, (_, index) => Math.sin(index));
  const value = (/** @type {string} */ name, /** @type {number[]} */ dims) => ({ name, dims, dataType: 'float32' });
  const model = encodeModel({
    graphName: opType,
    docString: '',
    irVersion: 7,
    opset: 13,
    nodes: [{ name: opType, opType, inputs: ['a', 'b'], outputs: ['c'], attributes }],
    inputs: [value('a', input)],
    outputs: [value('c', output)],
    initializers: [{ ...value('b', constant), chunks: () => [Buffer.from(weights.buffer)] }],
  });
  const file = { path: '', prepared: false, exactInt8: true };
  const options = sessionOptions({ file, provider: 'cpu', intraOpThreads: 1 });
  const session = await InferenceSession.create(Buffer.concat([...model]), options);
  const feed = { a: new Tensor('float32', new Float32Array(elements(input)).fill(0.5), input) };
  await session.run(feed);
  return async () => {
    const began = performance.now();
    await session.run(feed);
    return flop / 1e6 / (performance.now() - began);
  };
}

/** @param {{ values: Record<string, string>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const [rounds, size] = [values.rounds, values.size].map(Number);
  const { buildResnet50 } = await importBuilt('packages/models/dist/index.js');
  const operators = [await measurable(convolution()), await measurable(product(size))];
  const { modelPath } = await benchModel('resnet50-demo', say);
  const bare = await startBare({ path: modelPath, streams: 1, intraOpThreads: 1 });
  const { macs } = buildResnet50().statistics;
  const alone = operators.map(() => /** @type {number[]} */ ([]));
  const model = /** @type {number[]} */ ([]);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, run] of operators.entries()) {
      for (let turn = 0; turn < 10; turn += 1) alone[index].push(await run());
    }
    model.push(...(await bare.measure(2)).times.map((ms) => (2 * macs) / 1e6 / ms));
  }
  await bare.stop();
  const [roof, other] = alone.map(median);
  const reached = median(model);
  return {
    settings: { rounds, size },
    tables: [
      {
        title: 'GFLOP/s of one core, float32',
        columns: ['', 'one large convolution', 'matrix product', 'ResNet-50 graph', 'of the convolution'],
        rows: [['median', roof, other, reached, reached / roof]],
        note: `An image is ${((2 * macs) / 1e9).toFixed(2)} GFLOP: ${(macs / 1e9).toFixed(2)} G multiplications and additions.`,
      },
    ],
  };
}
