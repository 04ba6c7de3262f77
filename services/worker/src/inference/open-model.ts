/** Opens a model's file as a session, with the further output that it may be asked for. */
import { readFile } from 'node:fs/promises';
import { InferenceSession } from 'onnxruntime-node';
import type { ModelFile } from './thread-protocol.js';

/**
 * A prepared file has the output already. Another is read into memory and opened from there, with the bytes behind it that name
 * the output (packages/models linear-head.ts). Throws as ONNX Runtime does.
 */
export async function openModel(file: ModelFile, options: InferenceSession.SessionOptions): Promise<InferenceSession> {
  const { path, prepared, extension } = file;
  if (prepared || extension === undefined || extension.bytes.length === 0) {
    return InferenceSession.create(path, options);
  }
  return InferenceSession.create(Buffer.concat([await readFile(path), extension.bytes]), options);
}
