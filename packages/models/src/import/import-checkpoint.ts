import { open } from 'node:fs/promises';
import { ModelError, systemCode } from '../errors.js';
import type { Preprocess } from '../manifest.js';
import type { OnnxModel } from '../onnx/encode.js';
import { GraphBuilder } from '../onnx/graph-builder.js';
import { assertArchitecture, recognize } from './architectures.js';
import { fileSource, type ByteSource } from './byte-source.js';
import { readCheckpoint } from './checkpoint.js';
import { NetworkWeights } from './network-weights.js';

export interface ImportOptions {
  /** The name of the network, where the caller wants to be sure; it is recognised by names and shapes. */
  readonly architecture?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ImportedModel {
  /** Input `data` [batch, 3, crop, crop], output `logits` [batch, classes], float32; normalisations are folded in. */
  readonly model: OnnxModel;
  readonly architecture: string;
  readonly classes: number;
  /** As the network's authors evaluate it; a network may have been trained otherwise. */
  readonly preprocess: Preprocess;
}

/**
 * Reads a PyTorch checkpoint (.pth or .pt of torch.save, .safetensors, or a wheel or ZIP with one of them) and makes the ONNX
 * graph of its network. Nothing in the file is executed. The same weights give the same bytes on every machine. Weights are in memory
 * once, as float32. Rejects with ModelError (`checkpoint_unreadable`, `checkpoint_invalid`, `checkpoint_refused`,
 * `architecture_unknown`), or with the signal's reason.
 */
export async function importCheckpoint(path: string, options: ImportOptions = {}): Promise<ImportedModel> {
  if (options.architecture !== undefined) assertArchitecture(options.architecture);
  try {
    const file = await open(path, 'r');
    try {
      return await convert(fileSource(file, (await file.stat()).size), options);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw withPath(error, path);
  }
}

async function convert(source: ByteSource, { architecture: named, signal }: ImportOptions): Promise<ImportedModel> {
  const { architecture, tensors } = recognize(await readCheckpoint(source), named);
  const { name, preprocess } = architecture;
  const weights = new NetworkWeights(tensors);
  const graph = new GraphBuilder();
  const classes = architecture.build(graph, weights);
  weights.check(name);
  await weights.load(signal);
  const { model } = graph.build(name, `${name}, imported from a PyTorch checkpoint`);
  return { model, architecture: name, classes, preprocess };
}

/** Messages of what is wrong in the file begin with its name. */
function withPath(error: unknown, path: string): unknown {
  if (error instanceof ModelError) return new ModelError(error.code, `${path}: ${error.message}`, { cause: error });
  const code = systemCode(error);
  if (code === undefined || !SYSTEM_ERROR.test(code)) return error;
  const message = `${path} cannot be read (${code}). Name a file that is there and readable.`;
  return new ModelError('checkpoint_unreadable', message, { cause: error });
}

/** Errors of the file system, unlike those of Node.js (ERR_…). */
const SYSTEM_ERROR = /^E(?!RR_)[A-Z]+$/;
