/**
 * The roof over it all: what the FMA units of one core do in ONNX Runtime where nothing holds them up, a product of two
 * large square matrices, against what they do in the ResNet-50 graph. Both in one thread, in turns; medians.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { importBuilt, root } from '../scripts/lib/project.mjs';
import { startBare } from './lib/bare.mjs';
import { benchModel } from './lib/model.mjs';
import { median } from './lib/statistics.mjs';

export const summary = 'GFLOP/s of one core: a large matrix product against the ResNet-50 graph';
export const options = {
  rounds: { type: /** @type {const} */ ('string'), default: '5', hint: 'N' },
  size: { type: /** @type {const} */ ('string'), default: '1536', hint: 'N: rows of the square matrices' },
};

/** One graph: the product of its input with a constant of the same size. @param {number} size */
async function matrixProduct(size) {
  const { encodeModel } = await importBuilt('packages/models/dist/index.js');
  const weights = Float32Array.from({ length: size * size }, (_, index) => Math.sin(index));
  return Buffer.concat([
    ...encodeModel({
      graphName: 'product',
      docString: '',
      irVersion: 7,
      opset: 13,
      nodes: [{ name: 'product', opType: 'MatMul', inputs: ['a', 'b'], outputs: ['c'], attributes: {} }],
      inputs: [{ name: 'a', dims: [size, size], dataType: 'float32' }],
      outputs: [{ name: 'c', dims: [size, size], dataType: 'float32' }],
      initializers: [
        { name: 'b', dims: [size, size], dataType: 'float32', chunks: () => [Buffer.from(weights.buffer)] },
      ],
    }),
  ]);
}

/** @param {{ values: Record<string, string>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const [rounds, size] = [values.rounds, values.size].map(Number);
  const { sessionOptions } = await importBuilt('services/worker/dist/inference/session-options.js');
  const { buildResnet50 } = await importBuilt('packages/models/dist/index.js');
  const { InferenceSession, Tensor } = createRequire(join(root, 'services/worker/package.json'))('onnxruntime-node');
  const file = { path: '', prepared: false, exactInt8: true };
  const settings = sessionOptions({ file, provider: 'cpu', intraOpThreads: 1 });
  const session = await InferenceSession.create(await matrixProduct(size), settings);
  const feed = { a: new Tensor('float32', new Float32Array(size * size).fill(0.5), [size, size]) };
  const { modelPath } = await benchModel('resnet50-demo', say);
  const bare = await startBare({ path: modelPath, exactInt8: true, streams: 1, intraOpThreads: 1 });
  const { macs } = buildResnet50().statistics;
  const product = /** @type {number[]} */ ([]);
  const model = /** @type {number[]} */ ([]);
  await session.run(feed);
  for (let round = 0; round < rounds; round += 1) {
    for (let index = 0; index < 10; index += 1) {
      const began = performance.now();
      await session.run(feed);
      product.push((2 * size ** 3) / 1e6 / (performance.now() - began));
    }
    model.push(...(await bare.measure(2)).times.map((ms) => (2 * macs) / 1e6 / ms));
  }
  await bare.stop();
  const [roof, reached] = [median(product), median(model)];
  return {
    settings: { rounds, size },
    tables: [
      {
        title: 'GFLOP/s of one core, float32',
        columns: ['', 'matrix product', 'ResNet-50 graph', 'of the product'],
        rows: [['median', roof, reached, reached / roof]],
        note: `An image is ${((2 * macs) / 1e9).toFixed(2)} GFLOP: ${(macs / 1e9).toFixed(2)} G multiplications and additions.`,
      },
    ],
  };
}
