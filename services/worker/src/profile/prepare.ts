/**
 * A model, optimised for this machine and laid out so that sessions share its weights.
 *
 * ONNX Runtime reorders the weights for the CPU's vector width when it opens a model, so every session of a plain file
 * holds its own copy: 320 MB for each stream of a ResNet-50. Written out after that step, with the weights in a file of
 * their own, they are mapped into memory instead, once for all sessions, and opening takes a fraction of the time. Such a
 * file is good for the machine it was made on only (session option `graphOptimizationLevel`, ONNX Runtime, "Graph
 * optimizations"); tuning-cache.ts decides when one may be used.
 */
import { join } from 'node:path';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import type { InputSpec } from '../inference/normalize.js';
import { preparedGraph, preparedWeights } from './tuning-cache.js';
import { openModel, sessionOptions } from '../inference/session.js';
import type { ModelFile } from '../inference/thread-protocol.js';

/** Tensors below this size stay in the graph's file. */
const leastExternalBytes = 1024;

/** Writes `file` to `folder`. Throws if the result does not give the same logits, bit for bit. */
export async function prepareModel(file: ModelFile, folder: string, input: InputSpec): Promise<void> {
  const options = sessionOptions({ file, provider: 'cpu', intraOpThreads: 1 });
  const session = await openModel(file, {
    ...options,
    optimizedModelFilePath: join(folder, preparedGraph),
    // Only severe messages: the library warns that the result is good for this machine alone, which is the point.
    logSeverityLevel: 4,
    extra: {
      session: {
        ...(options.extra as { session: Record<string, unknown> }).session,
        optimized_model_external_initializers_file_name: preparedWeights,
        optimized_model_external_initializers_min_size_in_bytes: String(leastExternalBytes),
      },
    },
  });
  const expected = await answer(session, input);
  await session.release();
  const prepared: ModelFile = { ...file, path: join(folder, preparedGraph), prepared: true };
  const again = await openModel(prepared, sessionOptions({ file: prepared, provider: 'cpu', intraOpThreads: 1 }));
  const found = await answer(again, input);
  await again.release();
  if (found.length !== expected.length || found.some((value, index) => !Object.is(value, expected[index]))) {
    throw new Error('the prepared model answers differently');
  }
}

/** The logits of a fixed picture of stripes. */
async function answer(session: InferenceSession, { crop, layout }: InputSpec): Promise<Float32Array> {
  const [name] = session.inputNames;
  const [output] = session.outputNames;
  const [metadata] = session.inputMetadata;
  if (name === undefined || output === undefined || !metadata?.isTensor) throw new Error('the model has no input');
  const rows = typeof metadata.shape[0] === 'number' ? metadata.shape[0] : 1;
  const dims = layout === 'NCHW' ? [rows, 3, crop, crop] : [rows, crop, crop, 3];
  const pixels = Float32Array.from({ length: rows * 3 * crop * crop }, (_, index) => Math.sin(index / 7) * 2);
  const result = (await session.run({ [name]: new Tensor('float32', pixels, dims) }))[output];
  if (result?.type !== 'float32') throw new Error(`the model's output is ${result?.type ?? 'missing'}, not float32`);
  return Float32Array.from(result.data as Float32Array);
}
