/**
 * How a session is opened. The options and their meaning: onnxruntime's onnxruntime_session_options_config_keys.h.
 *
 * - One operator at a time, in `intraOpThreads` threads: the default would count the host's cores, not the container's.
 * - No spinning: an idle session that spins takes its core from everything else.
 * - `x64quantprecision`: x86 CPUs without VNNI multiply uint8 by int8 in pairs whose sum is kept in 16 bits, and saturates
 *   where two weights together exceed 128. With this option ONNX Runtime turns such weights to uint8, which is exact and
 *   slower. It does so on every x86 CPU, so the option is set only where it is needed (model-file.ts).
 */
import { readFile } from 'node:fs/promises';
import { InferenceSession } from 'onnxruntime-node';
import type { ModelFile, Provider } from './thread-protocol.js';

export interface SessionChoice {
  readonly file: ModelFile;
  readonly provider: Provider;
  readonly intraOpThreads: number;
}

export function sessionOptions({ file, provider, intraOpThreads }: SessionChoice): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    intraOpNumThreads: intraOpThreads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: file.prepared ? 'disabled' : 'all',
    extra: {
      session: {
        intra_op: { allow_spinning: '0' },
        inter_op: { allow_spinning: '0' },
        ...(file.exactInt8 ? { x64quantprecision: '1' } : {}),
      },
    },
    logSeverityLevel: 3,
  };
}

/**
 * Opens a model's file as a session, with the further output that it may be asked for. A prepared file has the output already. Another is read into memory and opened from there, with the bytes behind it that name
 * the output (packages/models linear-head.ts). Throws as ONNX Runtime does.
 */
export async function openModel(file: ModelFile, options: InferenceSession.SessionOptions): Promise<InferenceSession> {
  const { path, prepared, extension } = file;
  if (prepared || extension === undefined || extension.bytes.length === 0) {
    return InferenceSession.create(path, options);
  }
  return InferenceSession.create(Buffer.concat([await readFile(path), extension.bytes]), options);
}
