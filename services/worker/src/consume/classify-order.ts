/**
 * One order, from the queue to its outcome.
 *
 * taken → (ended meanwhile: dropped | past its deadline: expired) → image read → (answered as another job: coalesced) → decoded →
 * batched (| no stream free before its deadline: expired) → classified → (explained) → outcome written, with the heat map in the
 * same step: whoever is told of one finds it, and an order that is run twice leaves one. A job that its client cancels
 * meanwhile is dropped between two steps, or out of the batcher, but not in the middle of decoding or of a run. Every step that
 * fails for good ends the job as failed with its code; a step that may succeed another time throws, and BullMQ gives the order
 * out again, until the attempts are used up.
 * Invariants: whoever writes the outcome first decides (JobStore.finish); what is written later is ignored, so running an
 * order twice, after a stall or a thaw, is harmless. Who has the lead to compute an answer for others leaves it, however the
 * order ends, and others learn of a good answer only.
 */
import {
  problem,
  type ClassifyOrder,
  type ErrorCode,
  type JobStore,
  type ModelRef,
  type Outcome,
  type Prediction,
  type SharedAnswer,
  type Timing,
} from '@quintet/shared';
import { AbandonedError, CanceledError, DeadlineError } from '../batching/micro-batcher.js';
import type { ClassMap } from '../explain/class-map.js';
import type { Explainer } from '../explain/explainer.js';
import { WaitedTooLongError, type PictureSize } from '../preprocess/index.js';
import { OrderSharing, type OwnAnswer, type Sharing } from './order-sharing.js';

/** What the batcher answers for one crop. */
export interface Classified {
  readonly predictions: readonly Prediction[];
  /** All values that the model returned, where they were asked for. */
  readonly output?: Float32Array;
  readonly batchSize: number;
  readonly batchWaitMs: number;
  readonly inferenceMs: number;
  /** Of the most likely class, where it was asked for. */
  readonly map?: ClassMap | undefined;
}

export interface ClassifyOptions {
  readonly topK: number;
  readonly minScore: number;
  readonly output: boolean;
  readonly explain: boolean;
  readonly priority: number;
  readonly startWithinMs: number | undefined;
  /** Aborted when nobody wants the answer any more. */
  readonly canceled: AbortSignal;
}

export interface ClassifyDependencies {
  readonly store: JobStore;
  /** Runs `work` with a place for one crop. */
  readonly withSlot: <T>(work: (slot: number) => Promise<T>) => Promise<T>;
  /** Decodes the image and writes its crop into `slot`; resolves to the image's size. */
  readonly preprocess: (image: Buffer, slot: number) => Promise<PictureSize>;
  /** Writes an order's own input for the model beside `slot`; the place that `classify` takes. Throws where it does not fit. */
  readonly loadTensor: (values: Buffer, slot: number) => number;
  /** Keeps all that the model returned for the job `id`, for whoever asked for it. */
  readonly keepOutput: (id: string, values: Float32Array) => Promise<void>;
  /** Classifies the crop in `slot`. Rejects with DeadlineError if it could not begin in time, with CanceledError if canceled. */
  readonly classify: (slot: number, options: ClassifyOptions) => Promise<Classified>;
  /** Makes of a map what the client is told; undefined where the model cannot be explained. */
  readonly explain: Explainer | undefined;
  /** The registry's code for an error that will not go away, undefined for one that may. */
  readonly permanentCode: (error: unknown) => ErrorCode | undefined;
  readonly model: ModelRef;
  readonly worker: string;
  readonly device: string;
  readonly retentionSeconds: number;
  /** How answers are shared between jobs with the same picture; undefined where each computes its own. */
  readonly sharing: Sharing | undefined;
}

export type OrderResult =
  /** Answered with what another job computed. */
  | { readonly outcome: 'coalesced'; readonly timing: Timing }
  | { readonly outcome: 'succeeded'; readonly timing: Timing; readonly batchSize: number }
  | { readonly outcome: 'failed'; readonly code: ErrorCode; readonly detail: string }
  | { readonly outcome: 'expired' }
  /** The job had ended, by a cancel or on another worker, or its record is gone. */
  | { readonly outcome: 'dropped' };

/** Milliseconds with microsecond resolution, as results show them. */
const round = (milliseconds: number): number => Math.round(Math.max(0, milliseconds) * 1000) / 1000;

/** Whether the order goes back to the queue, where another worker may take it at once. That counts as no attempt. */
export function isHandedBack(error: unknown): boolean {
  return error instanceof AbandonedError || error instanceof WaitedTooLongError;
}

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
  const now = (): number => startedMs + (performance.now() - start);
  const end = async (
    outcome: Omit<Outcome, 'finished_at' | 'model' | 'worker' | 'device'>,
    finishedMs = Date.now(),
    shared?: SharedAnswer,
    png?: Uint8Array,
  ) =>
    store.finish(
      order.id,
      { ...outcome, finished_at: new Date(finishedMs).toISOString(), model, worker, device },
      dependencies.retentionSeconds,
      shared,
      png,
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
  const leftMs = (): number | undefined => (deadline_ms === undefined ? undefined : deadline_ms - Date.now());
  const started_at = new Date(startedMs).toISOString();
  const others = new OrderSharing(order, model, dependencies.sharing);
  try {
    goOn();
    if (order.explain === true && dependencies.explain === undefined)
      throw new HopelessError('explanation_unsupported');
    let fetched = start;
    const reading = store.readImage(order.id, startedMs).then((read) => {
      fetched = performance.now();
      return read;
    });
    // Awaited after the question to the others, which goes out in the same turn.
    reading.catch(() => undefined);
    let answer = await others.ask(leftMs());
    const { image, known, ended } = await reading;
    goOn();
    if (ended || !known) return { outcome: 'dropped' };
    const timing = { queue: round(startedMs - order.created_ms), fetch: round(fetched - start) };
    if (answer === undefined) {
      if (image === undefined) throw new HopelessError(order.fetched === true ? 'worker_lost' : 'image_lost');
      answer = await others.askFor(image, leftMs());
      goOn();
      if (answer === undefined) return await compute(image, timing);
    }
    return await coalesce(answer, timing);
  } catch (error) {
    if (isHandedBack(error)) throw error;
    // Whoever canceled it has written how it ended.
    if (error instanceof CanceledError) return { outcome: 'dropped' };
    if (error instanceof DeadlineError) return await expire();
    const permanent = error instanceof HopelessError ? error.code : dependencies.permanentCode(error);
    const code = permanent ?? (attempt.last ? 'inference_failed' : undefined);
    if (code === undefined) throw error;
    const detail = error instanceof Error ? error.message : String(error);
    const result = await end({ status: 'failed', started_at, error: problem(code, detail) });
    return result === 'finished' ? { outcome: 'failed', code, detail } : { outcome: 'dropped' };
  } finally {
    others.leave();
  }

  async function compute(image: Buffer, phases: Pick<Timing, 'queue' | 'fetch'>): Promise<OrderResult> {
    const read = performance.now();
    let preprocessed = read;
    let picture: PictureSize | undefined;
    const classified = await dependencies.withSlot(async (slot) => {
      goOn();
      let place = slot;
      if (order.tensor === true) place = dependencies.loadTensor(image, slot);
      else picture = await dependencies.preprocess(image, slot);
      goOn();
      preprocessed = performance.now();
      return dependencies.classify(place, {
        ...others.request,
        output: order.output === true,
        explain: order.explain === true,
        priority: attempt.priority,
        startWithinMs: leftMs(),
        canceled,
      });
    });
    const { predictions, map } = classified;
    const explained = map && picture && (await dependencies.explain?.(map, picture));
    const finishedMs = now();
    const timing: Timing = {
      ...phases,
      preprocess: round(preprocessed - read),
      batch_wait: round(classified.batchWaitMs),
      inference: round(classified.inferenceMs),
      total: round(finishedMs - order.created_ms),
    };
    const { own, shared } = others.divide({ predictions, explained });
    const { output } = classified;
    // Both leave on one connection, in this order: who hears of the end finds the output.
    const kept = output === undefined ? undefined : dependencies.keepOutput(order.id, output);
    const ended = succeed(own, { timing_ms: timing, batch_size: classified.batchSize }, finishedMs, shared);
    const [result] = await Promise.all([ended, kept]);
    if (shared !== undefined) others.leave(shared);
    return result === 'finished'
      ? { outcome: 'succeeded', timing, batchSize: classified.batchSize }
      : { outcome: 'dropped' };
  }

  async function coalesce(answer: OwnAnswer, phases: Pick<Timing, 'queue' | 'fetch'>): Promise<OrderResult> {
    const finishedMs = now();
    const timing: Timing = {
      ...phases,
      preprocess: 0,
      batch_wait: 0,
      inference: 0,
      total: round(finishedMs - order.created_ms),
    };
    const result = await succeed(answer, { timing_ms: timing, cache: 'coalesced' }, finishedMs);
    return result === 'finished' ? { outcome: 'coalesced', timing } : { outcome: 'dropped' };
  }

  function succeed(
    { predictions, explained }: OwnAnswer,
    rest: Pick<Outcome, 'timing_ms' | 'batch_size' | 'cache'>,
    finishedMs: number,
    shared?: SharedAnswer,
  ) {
    const explanation = explained && { explanation: explained.explanation };
    const outcome = { status: 'succeeded', started_at, predictions, ...explanation, ...rest } as const;
    return end(outcome, finishedMs, shared, explained?.png);
  }
}

const hopeless = {
  image_lost: 'The image was no longer in the store when a worker took the job; submit it again.',
  // An order whose fetch had ended the job is dropped: one that finds neither an end nor an image lost those who fetched it.
  worker_lost: 'Every worker that fetched the image died before it had it; submit it again.',
  explanation_unsupported: 'The model has no global average pool with one linear layer behind it; leave out explain.',
} as const;

/** What no other attempt would change. */
class HopelessError extends Error {
  constructor(readonly code: keyof typeof hopeless) {
    super(hopeless[code]);
    this.name = 'HopelessError';
  }
}
