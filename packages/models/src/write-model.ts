import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { encodeModel, weightBytes, type OnnxModel } from './onnx/encode.js';
import { progressMeter, type Progress, type ProgressSink } from './progress.js';

export interface WriteModelOptions {
  readonly name: string;
  readonly phase: Progress['phase'];
  readonly model: OnnxModel;
  /** The file to write. */
  readonly path: string;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes a model that was made here and returns the SHA-256 of its bytes in hex. One chunk (about 2 MB, 15–20 ms of work) at
 * a time, with a turn of the event loop between: heartbeats and health checks go on meanwhile.
 */
export async function writeModel({ name, phase, model, path, progress, signal }: WriteModelOptions): Promise<string> {
  const hash = createHash('sha256');
  const total = weightBytes(model);
  const meter = progressMeter({ name, phase, totalBytes: total }, progress);
  const file = await open(path, 'w');
  try {
    let written = 0;
    for (const chunk of encodeModel(model)) {
      signal?.throwIfAborted();
      hash.update(chunk);
      await file.writeFile(chunk);
      written += chunk.byteLength;
      // Tags and shapes are a few kilobytes above the weights.
      if (written < total) meter(written);
      await nextTurn();
    }
    meter(total);
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}
