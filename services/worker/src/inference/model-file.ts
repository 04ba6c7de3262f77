/** How a model's file is to be opened here, and what is known of its end. */
import { Worker } from 'node:worker_threads';
import type { Model } from '@quintet/models';
import type { ConfigOf, workerVariables } from '@quintet/shared';
import type { HeadSettings } from '../explain/class-map.js';
import { int8MaySaturate, ownVectorInstructions } from './hardware.js';
import type { HeadReply, HeadRequest } from './head-thread.js';
import type { ModelFile } from './thread-protocol.js';

export interface OpenedModel {
  readonly file: ModelFile;
  /** What its answers are explained by; where they cannot be, the reason. */
  readonly head: HeadSettings | { readonly reason: string };
}

/**
 * Where sums of int8 products may saturate, a model whose weights could cause it is run exactly, unless speed was asked for: its
 * answers would differ from those it was judged by. Elsewhere ONNX Runtime would convert the weights all the same, for the
 * same answers in twice the time (session.ts).
 */
export async function modelFile(
  { modelPath, labels }: Model,
  arithmetic: ConfigOf<typeof workerVariables>['INT8_ARITHMETIC'],
): Promise<OpenedModel> {
  const exactInt8 = arithmetic === 'exact' && int8MaySaturate(process.arch, ownVectorInstructions());
  const file: ModelFile = { path: modelPath, prepared: false, exactInt8 };
  // A file that cannot be read at all is told of when it is opened to be run.
  const found = await readHead({ path: modelPath });
  if ('reason' in found) return { file, head: found };
  const { head, classes, extension } = found;
  if (classes !== labels.length) {
    return { file, head: { reason: `its last layer has ${classes} classes, and there are ${labels.length} labels` } };
  }
  return { file: { ...file, extension: { output: head.features, bytes: extension } }, head };
}

function readHead(workerData: HeadRequest): Promise<HeadReply> {
  return new Promise((resolve) => {
    const thread = new Worker(new URL('./head-thread.js', import.meta.url), { workerData, name: 'head' });
    thread.once('message', resolve);
    thread.once('error', (error: unknown) => {
      resolve({ reason: error instanceof Error ? error.message : String(error) });
    });
    thread.once('exit', (code) => {
      resolve({ reason: `the thread that reads it ended with ${code}` });
    });
  });
}
