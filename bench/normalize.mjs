/**
 * Normalisation, by table in the inference thread as the worker does it, against the same inside the graph: uint8 pixels as
 * input, then Cast, Transpose, Mul and Add in ONNX Runtime. One thread each; medians of alternating runs.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { importBuilt, root } from '../scripts/lib/project.mjs';
import { median } from './lib/statistics.mjs';

export const summary = 'pixels to tensor: a table in the thread against operators in the graph';
export const options = { runs: { type: /** @type {const} */ ('string'), default: '400', hint: 'N' } };

const side = 224;
const mean = [0.485, 0.456, 0.406];
const std = [0.229, 0.224, 0.225];

/** A graph of nothing but the normalisation: uint8 [1, side, side, 3] to float32 [1, 3, side, side]. */
async function normalizingModel() {
  const { encodeModel } = await importBuilt('packages/models/dist/index.js');
  const perChannel = (/** @type {string} */ name, /** @type {number[]} */ values) => ({
    name,
    dims: [1, 3, 1, 1],
    dataType: 'float32',
    chunks: () => [Buffer.from(Float32Array.from(values).buffer)],
  });
  const node = (
    /** @type {string} */ opType,
    /** @type {string[]} */ inputs,
    /** @type {string} */ output,
    attributes = {},
  ) => ({
    name: output,
    opType,
    inputs,
    outputs: [output],
    attributes,
  });
  return Buffer.concat([
    ...encodeModel({
      graphName: 'normalize',
      docString: '',
      irVersion: 7,
      opset: 13,
      nodes: [
        node('Transpose', ['pixels'], 'planes', { perm: { ints: [0, 3, 1, 2] } }),
        node('Cast', ['planes'], 'values', { to: { int: 1 } }),
        node('Mul', ['values', 'scale'], 'scaled'),
        node('Add', ['scaled', 'offset'], 'tensor'),
      ],
      inputs: [{ name: 'pixels', dims: [1, side, side, 3], dataType: 'uint8' }],
      outputs: [{ name: 'tensor', dims: [1, 3, side, side], dataType: 'float32' }],
      initializers: [
        perChannel(
          'scale',
          std.map((value) => 1 / 255 / value),
        ),
        perChannel(
          'offset',
          mean.map((value, channel) => -value / std[channel]),
        ),
      ],
    }),
  ]);
}

/** @param {{ values: Record<string, string> }} context */
export async function run({ values }) {
  const runs = Number(values.runs);
  const { createNormalizer } = await importBuilt('services/worker/dist/inference/normalize.js');
  const { sessionOptions } = await importBuilt('services/worker/dist/inference/session.js');
  const { InferenceSession, Tensor } = createRequire(join(root, 'services/worker/package.json'))('onnxruntime-node');
  const file = { path: '', prepared: false, exactInt8: true };
  const session = await InferenceSession.create(
    await normalizingModel(),
    sessionOptions({ file, provider: 'cpu', intraOpThreads: 1 }),
  );
  const normalize = createNormalizer({ crop: side, mean, std, layout: 'NCHW', color: 'RGB' });
  const size = 3 * side * side;
  const pixels = new Uint8Array(new SharedArrayBuffer(size)).map((_, index) => (index * 31) & 255);
  const feed = { pixels: new Tensor('uint8', new Uint8Array(pixels), [1, side, side, 3]) };
  const byTable = new Float32Array(size);
  const inGraph = new Float32Array(size);
  const fetch = { tensor: new Tensor('float32', inGraph, [1, 3, side, side]) };
  const times = { table: /** @type {number[]} */ ([]), graph: /** @type {number[]} */ ([]) };
  for (let index = 0; index < runs; index += 1) {
    let began = performance.now();
    normalize(pixels, 0, byTable, 0);
    const table = performance.now() - began;
    began = performance.now();
    await session.run(feed, fetch);
    // The first runs compile and allocate.
    if (index < runs / 10) continue;
    times.table.push(table);
    times.graph.push(performance.now() - began);
  }
  const difference = byTable.reduce((most, value, index) => Math.max(most, Math.abs(value - inGraph[index])), 0);
  const [table, graph] = [median(times.table), median(times.graph)];
  return {
    settings: { runs },
    tables: [
      {
        title: 'One picture of 224 × 224 to a float32 tensor',
        columns: ['', 'table in the thread, ms', 'operators in the graph, ms', 'ratio', 'largest difference'],
        rows: [['median', table, graph, graph / table, difference.toExponential(1)]],
      },
    ],
  };
}
