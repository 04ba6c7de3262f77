/** What an inference thread is given, and the messages between it and the main thread. */
import type { ClassMap, HeadSettings } from '../explain/class-map.js';
import type { InputSpec } from './normalize.js';

export type Provider = 'cpu' | 'cuda' | 'webgpu';

/** The model's file, and how a session must open it. */
export interface ModelFile {
  readonly path: string;
  /** The graph is optimised already, for this very machine (profile/prepare.ts). */
  readonly prepared: boolean;
  /** Whether int8 sums must be kept from saturating on CPUs where they could (session.ts). */
  readonly exactInt8: boolean;
  /** A tensor that the model is to output behind its own, and the bytes by which its file says so (session.ts). */
  readonly extension?: { readonly output: string; readonly bytes: Uint8Array } | undefined;
}

export interface SessionSettings {
  readonly file: ModelFile;
  readonly provider: Provider;
  readonly intraOpThreads: number;
  readonly maxBatch: number;
  /** Batch sizes that are run before the thread is ready. */
  readonly warmUp: readonly number[];
  readonly input: InputSpec;
  readonly classes: number;
  /** What maps are made of; undefined: none are asked for. */
  readonly head?: HeadSettings | undefined;
  /** uint8 [slots, crop, crop, 3]: the crops of all jobs in hand. */
  readonly slots: SharedArrayBuffer;
  /** float32 [slots, …]: rows of the model's input itself, where orders may bring those (crop-slots.ts). */
  readonly tensors?: SharedArrayBuffer;
  /** float32 [maxBatch, classes]. */
  readonly logits: SharedArrayBuffer;
}

/**
 * Run the crops in these slots, as one batch, in this order; numbers past the slots are rows of `tensors`. Of the pictures with
 * these places in the batch, also make the maps.
 */
export interface ToThread {
  readonly slots: readonly number[];
  readonly explained: readonly number[];
}

/** As the session names them. */
export interface TensorNames {
  readonly input: string;
  readonly output: string;
}

export type FromThread =
  | {
      readonly type: 'ready';
      readonly maxBatch: number;
      readonly warmUpMs: Readonly<Record<number, number>>;
      readonly names: TensorNames;
      /** Why no maps can be made, where they may be asked for. */
      readonly unexplained?: string;
    }
  | { readonly type: 'unusable'; readonly reason: string }
  /** The maps of each picture's most likely class, in the order of `explained`; their values are transferred. */
  | { readonly type: 'done'; readonly milliseconds: number; readonly maps: readonly ClassMap[] }
  | { readonly type: 'failed'; readonly reason: string };

/** Batch sizes to warm: every one up to 8, then powers of two, and the largest. */
export function warmUpSizes(maxBatch: number): number[] {
  const sizes = new Set<number>();
  for (let size = 1; size <= maxBatch; size = size < 8 ? size + 1 : size * 2) sizes.add(size);
  sizes.add(maxBatch);
  return [...sizes].sort((a, b) => a - b);
}

/**
 * How many rows a batch of `count` images is run with. A GPU library chooses its kernels anew for every shape, which takes
 * longer than the run; so it only ever sees sizes that were warmed, and the rows beyond `count` are computed for nothing.
 */
export function rowsFor(count: number, maxBatch: number, provider: Provider): number {
  return provider === 'cpu' ? count : (warmUpSizes(maxBatch).find((size) => size >= count) ?? maxBatch);
}
