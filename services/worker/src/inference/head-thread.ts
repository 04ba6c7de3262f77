/**
 * The body of a thread that reads how a model ends, says so, and ends itself: what it read of the file, 100 MB of a ResNet-50, is
 * given back with it, while the main thread would keep it until some garbage collection; and its event loop is not held.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { readLinearHead, type LinearHead } from '@quintet/models';
import { reasonOf } from '../errors.js';
import type { HeadSettings } from '../explain/class-map.js';

/** What it is given. */
export interface HeadRequest {
  /** Of the model's file. */
  readonly path: string;
}

export type HeadReply =
  | { readonly head: HeadSettings; readonly classes: number; readonly extension: Uint8Array }
  /** Why the model has no linear head, or why that cannot be known. */
  | { readonly reason: string };

const { path } = workerData as HeadRequest;

function replyOf({ features, scale, zeroPoint, layout, channels, classes, weights, extension }: LinearHead): HeadReply {
  const shared = new SharedArrayBuffer(weights.byteLength);
  new Float32Array(shared).set(weights);
  return { head: { features, scale, zeroPoint, layout, channels, weights: shared }, classes, extension };
}

const reply = await readLinearHead(path).then(replyOf, (error: unknown): HeadReply => ({
  reason: reasonOf(error),
}));
parentPort?.postMessage(reply);
