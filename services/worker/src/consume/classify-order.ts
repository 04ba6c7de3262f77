/**
 * One order, from the queue to its outcome.
 *
 * taken → (ended meanwhile: dropped | past its deadline: expired) → image read → decoded → batched (| no stream free
 * before its deadline: expired) → classified → outcome written. A job that its client cancels meanwhile is dropped between
 * two steps, or out of the batcher, but not in the middle of decoding or of a run. Every step that fails for good ends the job as failed with its code; a step that may succeed
 * another time throws, and BullMQ gives the order out again, until the attempts are used up.
 * Invariant: whoever writes the outcome first decides (JobStore.finish); what is written later is ignored, so running
 * an order twice, after a stall or a thaw, is harmless.
 */
import {
  problem,
  type ClassifyOrder,
  type ErrorCode,
  type JobStore,
  type ModelRef,
  type Outcome,
  type Prediction,
  type Timing,
} from '@quintet/shared';
import { AbandonedError, CanceledError, DeadlineError } from '../batching/micro-batcher.js';

/** What the batcher answers for one crop. */
export interface Classified {
  readonly predictions: readonly Prediction[];
  readonly batchSize: number;
  readonly batchWaitMs: number;
  readonly inferenceMs: number;
}

export interface ClassifyOptions {
  readonly topK: number;
  readonly minScore: number;
  readonly priority: number;
  readonly startWithinMs: number | undefined;
  /** Aborted when nobody wants the answer any more. */
  readonly canceled: AbortSignal;
}

export interface ClassifyDependencies {
  readonly store: JobStore;
  /** Runs `work` with a place for one crop. */
  readonly withSlot: <T>(work: (slot: number) => Promise<T>) => Promise<T>;
  /** Decodes the image and writes its crop into `slot`. */
  readonly preprocess: (image: Buffer, slot: number) => Promise<void>;
  /** Classifies the crop in `slot`. Rejects with DeadlineError if it could not begin in time, with CanceledError if canceled. */
  readonly classify: (slot: number, options: ClassifyOptions) => Promise<Classified>;
  /** The registry's code for an error that will not go away, undefined for one that may. */
  readonly permanentCode: (error: unknown) => ErrorCode | undefined;
  readonly model: ModelRef;
  readonly worker: string;
  readonly device: string;
  readonly retentionSeconds: number;
}

export type OrderResult =
  | { readonly outcome: 'succeeded'; readonly timing: Timing; readonly batchSize: number }
  | { readonly outcome: 'failed'; readonly code: ErrorCode; readonly detail: string }
  | { readonly outcome: 'expired' }
  /** The job had ended, by a cancel or on another worker, or its record is gone. */
  | { readonly outcome: 'dropped' };

/** Milliseconds with microsecond resolution, as results show them. */
const round = (milliseconds: number): number => Math.round(Math.max(0, milliseconds) * 1000) / 1000;

export interface Attempt {
  /** There will be no other. */
  readonly last: boolean;
  /** As the queue orders jobs: 0 goes first. */
  readonly priority: number;
  /** Aborted when the job is canceled while this worker holds its order. */
  readonly canceled: AbortSignal;
}

/** Runs `order`. Throws what may succeed another time. */
export async function classifyOrder(
  order: ClassifyOrder,
  attempt: Attempt,
  dependencies: ClassifyDependencies,
): Promise<OrderResult> {
  const { store, model, worker, device } = dependencies;
  const startedMs = Date.now();
  const start = performance.now();
  const end = async (outcome: Omit<Outcome, 'finished_at' | 'model' | 'worker' | 'device'>, finishedMs = Date.now()) =>
    store.finish(
      order.id,
      { ...outcome, finished_at: new Date(finishedMs).toISOString(), model, worker, device },
      dependencies.retentionSeconds,
    );

  const expire = async (): Promise<OrderResult> => {
    const result = await end({ status: 'expired' });
    return { outcome: result === 'finished' ? 'expired' : 'dropped' };
  };

  const { canceled } = attempt;
  const goOn = (): void => {
    if (canceled.aborted) throw new CanceledError();
  };

  const { deadline_ms } = order;
  if (deadline_ms !== undefined && startedMs > deadline_ms) return expire();
  const started_at = new Date(startedMs).toISOString();
  try {
    goOn();
    const { image, known, ended } = await store.readImage(order.id, startedMs);
    goOn();
    if (ended || !known) return { outcome: 'dropped' };
    if (image === undefined) throw new ImageLostError();
    const fetched = performance.now();
    let preprocessed = fetched;
    const classified = await dependencies.withSlot(async (slot) => {
      goOn();
      await dependencies.preprocess(image, slot);
      goOn();
      preprocessed = performance.now();
      return dependencies.classify(slot, {
        topK: order.top_k,
        minScore: order.min_score ?? 0,
        priority: attempt.priority,
        startWithinMs: deadline_ms === undefined ? undefined : deadline_ms - Date.now(),
        canceled,
      });
    });
    const finishedMs = startedMs + (performance.now() - start);
    const timing: Timing = {
      queue: round(startedMs - order.created_ms),
      fetch: round(fetched - start),
      preprocess: round(preprocessed - fetched),
      batch_wait: round(classified.batchWaitMs),
      inference: round(classified.inferenceMs),
      total: round(finishedMs - order.created_ms),
    };
    const result = await end(
      {
        status: 'succeeded',
        started_at,
        predictions: [...classified.predictions],
        timing_ms: timing,
        batch_size: classified.batchSize,
      },
      finishedMs,
    );
    return result === 'finished'
      ? { outcome: 'succeeded', timing, batchSize: classified.batchSize }
      : { outcome: 'dropped' };
  } catch (error) {
    if (error instanceof AbandonedError) throw error;
    // Whoever canceled it has written how it ended.
    if (error instanceof CanceledError) return { outcome: 'dropped' };
    if (error instanceof DeadlineError) return await expire();
    const permanent = error instanceof ImageLostError ? 'image_lost' : dependencies.permanentCode(error);
    const code = permanent ?? (attempt.last ? 'inference_failed' : undefined);
    if (code === undefined) throw error;
    const detail = error instanceof Error ? error.message : String(error);
    const result = await end({ status: 'failed', started_at, error: problem(code, detail) });
    return result === 'finished' ? { outcome: 'failed', code, detail } : { outcome: 'dropped' };
  }
}

class ImageLostError extends Error {
  constructor() {
    super('The image was no longer in the store when a worker took the job; submit it again.');
    this.name = 'ImageLostError';
  }
}
