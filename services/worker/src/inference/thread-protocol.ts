/** What an inference thread is given, and the messages between it and the main thread. */
import type { InputSpec } from './normalize.js';

export type Provider = 'cpu' | 'cuda' | 'webgpu';

export interface SessionSettings {
  readonly modelPath: string;
  readonly provider: Provider;
  readonly intraOpThreads: number;
  readonly maxBatch: number;
  readonly input: InputSpec;
  readonly classes: number;
  /** uint8 [maxBatch, crop, crop, 3]. */
  readonly pixels: SharedArrayBuffer;
  /** float32 [maxBatch, classes]. */
  readonly logits: SharedArrayBuffer;
}

/** Run the first `count` crops of `pixels`. */
export interface ToThread {
  readonly count: number;
}

export type FromThread =
  | { readonly type: 'ready'; readonly maxBatch: number; readonly warmUpMs: Readonly<Record<number, number>> }
  | { readonly type: 'unusable'; readonly reason: string }
  | { readonly type: 'done'; readonly milliseconds: number }
  | { readonly type: 'failed'; readonly reason: string };

/** Batch sizes to warm: every one up to 8, then powers of two, and the largest. */
export function warmUpSizes(maxBatch: number): number[] {
  const sizes = new Set<number>();
  for (let size = 1; size <= maxBatch; size = size < 8 ? size + 1 : size * 2) sizes.add(size);
  sizes.add(maxBatch);
  return [...sizes].sort((a, b) => a - b);
}
