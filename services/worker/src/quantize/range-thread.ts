/**
 * The body of the thread that measures ranges: a session that also outputs the tensors in question, and a histogram for each.
 * `session.run` is synchronous, so it may only live in a thread. A message is the number of a crop; the answer to the
 * last one, `finish`, has the ranges.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Range } from '@quintet/models';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import { createNormalizer, type InputSpec } from '../inference/normalize.js';
import { openModel, sessionOptions } from '../inference/session.js';
import { ValueHistogram, type CalibrationMethod } from './value-histogram.js';

export interface RangeSettings {
  readonly path: string;
  readonly input: InputSpec;
  /** Names of the tensors, none of which is the graph's input; and the bytes that make outputs of them (furtherOutputs). */
  readonly tensors: readonly string[];
  readonly extension: Uint8Array;
  readonly method: CalibrationMethod;
  readonly threads: number;
  /** uint8 [n, crop, crop, 3] */
  readonly slots: SharedArrayBuffer;
}

export type ToRangeThread = number | 'finish';

export type FromRangeThread =
  | { readonly type: 'ready' | 'done' }
  | { readonly type: 'ranges'; readonly ranges: readonly (readonly [string, Range])[] }
  | { readonly type: 'failed'; readonly reason: string };

const port = parentPort;
if (port === null) throw new Error('range-thread.js is the body of a worker thread');
const settings = workerData as RangeSettings;
const send = (message: FromRangeThread): void => {
  port.postMessage(message);
};

async function open(): Promise<(slot: number) => Promise<void>> {
  const { path, tensors, extension, threads, input } = settings;
  const [output = ''] = tensors;
  const file = { path, prepared: false, exactInt8: false, extension: { output, bytes: extension } };
  const session = await openModel(file, sessionOptions({ file, provider: 'cpu', intraOpThreads: threads }));
  const [metadata] = session.inputMetadata;
  if (session.inputMetadata.length !== 1 || !metadata?.isTensor)
    throw new Error('the model must have one tensor input');
  const { crop, layout } = input;
  // A batch of a fixed size is the same picture in every place.
  const rows = typeof metadata.shape[0] === 'number' ? metadata.shape[0] : 1;
  const dims = layout === 'NCHW' ? [rows, 3, crop, crop] : [rows, crop, crop, 3];
  const data = new Float32Array(rows * 3 * crop * crop);
  const normalize = createNormalizer(input);
  const pixels = new Uint8Array(settings.slots);
  const fetches = Object.fromEntries(tensors.map((name) => [name, null]));
  return async (slot) => {
    for (let row = 0; row < rows; row += 1) normalize(pixels, slot, data, row);
    add(await session.run({ [metadata.name]: new Tensor('float32', data, dims) }, fetches));
  };
}

const histograms = new Map(settings.tensors.map((name) => [name, new ValueHistogram()]));

function add(outputs: InferenceSession.ReturnType): void {
  for (const [name, histogram] of histograms) {
    const tensor = outputs[name];
    if (tensor?.type !== 'float32') throw new Error(`the tensor ${name} is ${tensor?.type ?? 'missing'}, not float32`);
    try {
      histogram.add(tensor.data as Float32Array);
    } catch (error) {
      throw new Error(`the tensor ${name}: ${reasonOf(error)}`, { cause: error });
    }
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

try {
  const run = await open();
  port.on('message', (message: ToRangeThread) => {
    if (message === 'finish') {
      const ranges = [...histograms].map(([name, histogram]) => [name, histogram.range(settings.method)] as const);
      send({ type: 'ranges', ranges });
      port.close();
      return;
    }
    run(message).then(
      () => {
        send({ type: 'done' });
      },
      (error: unknown) => {
        send({ type: 'failed', reason: reasonOf(error) });
      },
    );
  });
  send({ type: 'ready' });
} catch (error) {
  send({ type: 'failed', reason: reasonOf(error) });
  port.close();
}
