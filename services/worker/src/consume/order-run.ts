/**
 * One order, from the queue to its outcome.
 *
 * taken → (ended meanwhile: dropped | past its deadline: expired) → image read → (answered as another job: coalesced)
 * → decoded → batched (| no stream free before its deadline: expired) → classified → (explained) → outcome written,
 * with the heat map in the same step: whoever hears of one finds it, and an order that is run twice leaves one. A job
 * that its client cancels meanwhile is dropped between two steps, or out of the batcher, but not in the middle of
 * decoding or of a run. Every step that fails for good ends the job as failed with its code; a step that may succeed
 * another time throws, and BullMQ gives the order out again, until the attempts are used up. Invariants: whoever
 * writes the outcome first decides (JobStore.finish); what is written later is ignored, so running an order twice,
 * after a stall or a thaw, is harmless. An order that has the lead to compute an answer for others leaves it, however
 * it ends, and others learn of a good answer only.
 */
import { ImageError } from '@quintet/images';
import {
  problem,
  type Belonging,
  type ClassifyOrder,
  type ErrorCode,
  type JobStore,
  type ModelRef,
  type Outcome,
  type OutputStore,
  type SharedAnswer,
  type Timing,
} from '@quintet/shared';
import type { CropSlots } from '../batching/crop-slots.js';
import { failures, JobFailure, OrderStopped, reasonOf, stops } from '../errors.js';
import type { Explainer } from '../explain/explainer.js';
import type { HeldWork } from '../held-work.js';
import type { Classifier } from '../inference/classifier.js';
import type { PictureSize, PreprocessPool } from '../preprocess/index.js';
import { OrderSharing, type OwnAnswer, type Sharing } from './coalescing.js';

/** What a worker runs its orders with. */
export interface WorkerParts {
  readonly store: JobStore;
  readonly outputs: OutputStore;
  readonly slots: CropSlots;
  readonly preprocessor: PreprocessPool;
  readonly classifier: Classifier;
  readonly held: HeldWork;
  /** Makes the client's part of a class map; undefined where the model cannot be explained. */
  readonly explain: Explainer | undefined;
  /** How answers are shared between jobs with the same picture; undefined where each computes its own. */
  readonly sharing: Sharing | undefined;
  readonly model: ModelRef;
  /** Its id. */
  readonly worker: string;
  readonly device: string;
  readonly retentionSeconds: number;
}

export type OrderResult =
  /** Answered with what another job computed. */
  | { readonly outcome: 'coalesced'; readonly timing: Timing }
  | { readonly outcome: 'succeeded'; readonly timing: Timing; readonly batchSize: number }
  | { readonly outcome: 'failed'; readonly code: ErrorCode; readonly detail: string }
  | { readonly outcome: 'expired' }
  /** The job had ended, by a cancel or on another worker, or its record is gone. */
  | { readonly outcome: 'dropped' };

interface Attempt {
  /** There will be no other. */
  readonly last: boolean;
  /** As the queue orders jobs: 0 goes first. */
  readonly priority: number;
  /** Aborted when the job is canceled while this worker holds its order. */
  readonly canceled: AbortSignal;
}

/** Before the picture is decoded: in the queue, and to have its bytes. */
type Phases = Pick<Timing, 'queue' | 'fetch'>;

interface Ending {
  readonly finishedMs?: number;
  readonly shared?: SharedAnswer | undefined;
  /** The heat map. */
  readonly png?: Uint8Array | undefined;
}

/** Milliseconds with microsecond resolution, as results show them. */
const round = (milliseconds: number): number => Math.round(Math.max(0, milliseconds) * 1000) / 1000;

export class OrderRun {
  readonly #startedMs = Date.now();
  readonly #start = performance.now();
  readonly #others: OrderSharing;
  #belonging: Belonging | undefined;

  constructor(
    private readonly order: ClassifyOrder,
    private readonly attempt: Attempt,
    private readonly parts: WorkerParts,
  ) {
    this.#others = new OrderSharing(order, parts.model, parts.sharing);
  }

  /** To be called once. Throws what may succeed another time, and OrderStopped where the order is handed back. */
  async run(): Promise<OrderResult> {
    if ((this.#leftMs() ?? 0) < 0) return this.#expire();
    try {
      return await this.#answer();
    } catch (error) {
      return await this.#fail(error);
    } finally {
      this.#others.leave();
    }
  }

  async #answer(): Promise<OrderResult> {
    const { order, parts } = this;
    this.#goOn();
    if (order.explain === true && parts.explain === undefined) throw failures.unexplainable();
    let fetched = this.#start;
    const reading = parts.store.readImage(order.id, this.#startedMs).then((read) => {
      fetched = performance.now();
      return read;
    });
    // Awaited after the question to the others, which goes out in the same turn.
    reading.catch(() => undefined);
    let answer = await this.#others.ask(this.#leftMs());
    const { image, known, ended, belonging } = await reading;
    this.#belonging = belonging;
    this.#goOn();
    if (ended || !known) return { outcome: 'dropped' };
    const phases = { queue: round(this.#startedMs - order.created_ms), fetch: round(fetched - this.#start) };
    if (answer === undefined) {
      if (image === undefined) throw order.fetched === true ? failures.fetchersLost() : failures.imageLost();
      answer = await this.#others.askFor(image, this.#leftMs());
      this.#goOn();
      if (answer === undefined) return this.#compute(image, phases);
    }
    return this.#coalesce(answer, phases);
  }

  async #compute(image: Buffer, phases: Phases): Promise<OrderResult> {
    const { order, attempt, parts } = this;
    const { slots, held, preprocessor, classifier } = parts;
    const read = performance.now();
    let preprocessed = read;
    let picture: PictureSize | undefined;
    const leave = held.slots.enter();
    const classified = await slots.use(async (slot) => {
      leave();
      this.#goOn();
      let place = slot;
      if (order.tensor === true) place = slots.loadTensor(image, slot);
      else picture = await held.pictures.during(() => preprocessor.preprocess(image, slot));
      this.#goOn();
      preprocessed = performance.now();
      const options = {
        ...this.#others.request,
        output: order.output === true,
        explain: order.explain === true,
        priority: attempt.priority,
        startWithinMs: this.#leftMs(),
        canceled: attempt.canceled,
      };
      return held.crops.during(() => classifier.classify(place, options));
    });
    const { predictions, map, output, batchSize } = classified;
    const explained = map && picture && (await parts.explain?.(map, picture));
    const finishedMs = this.#now();
    const timing: Timing = {
      ...phases,
      preprocess: round(preprocessed - read),
      batch_wait: round(classified.batchWaitMs),
      inference: round(classified.inferenceMs),
      total: round(finishedMs - order.created_ms),
    };
    const { own, shared } = this.#others.divide({ predictions, explained });
    // Both leave on one connection, in this order: whoever hears of the end finds the output.
    const kept = output === undefined ? undefined : parts.outputs.keep(order.id, output);
    const result = { outcome: 'succeeded', timing, batchSize } as const;
    const [ended] = await Promise.all([
      this.#succeed(own, { timing_ms: timing, batch_size: batchSize }, result, { finishedMs, shared }),
      kept,
    ]);
    if (shared !== undefined) this.#others.leave(shared);
    return ended;
  }

  #coalesce(answer: OwnAnswer, phases: Phases): Promise<OrderResult> {
    const finishedMs = this.#now();
    const total = round(finishedMs - this.order.created_ms);
    const timing: Timing = { ...phases, preprocess: 0, batch_wait: 0, inference: 0, total };
    const rest = { timing_ms: timing, cache: 'coalesced' } as const;
    return this.#succeed(answer, rest, { outcome: 'coalesced', timing }, { finishedMs });
  }

  #succeed(
    { predictions, explained }: OwnAnswer,
    rest: Pick<Outcome, 'timing_ms' | 'batch_size' | 'cache'>,
    result: OrderResult,
    ending: Ending,
  ): Promise<OrderResult> {
    const explanation = explained && { explanation: explained.explanation };
    const outcome = { status: 'succeeded', started_at: this.#startedAt, predictions, ...explanation, ...rest } as const;
    return this.#end(outcome, result, { ...ending, png: explained?.png });
  }

  async #fail(error: unknown): Promise<OrderResult> {
    if (error instanceof OrderStopped) {
      if (error.why === 'handed-back') throw error;
      // Whoever canceled it has written how it ended.
      return error.why === 'canceled' ? { outcome: 'dropped' } : this.#expire();
    }
    const permanent = error instanceof JobFailure || error instanceof ImageError ? error.code : undefined;
    const code = permanent ?? (this.attempt.last ? 'inference_failed' : undefined);
    if (code === undefined) throw error;
    const detail = reasonOf(error);
    const outcome = { status: 'failed', started_at: this.#startedAt, error: problem(code, detail) } as const;
    return this.#end(outcome, { outcome: 'failed', code, detail });
  }

  #expire(): Promise<OrderResult> {
    return this.#end({ status: 'expired' }, { outcome: 'expired' });
  }

  /** Writes how the job ends. `result`, where it had not ended before. */
  async #end(
    outcome: Omit<Outcome, 'finished_at' | 'model' | 'worker' | 'device'>,
    result: OrderResult,
    { finishedMs = Date.now(), shared, png }: Ending = {},
  ): Promise<OrderResult> {
    const { store, model, worker, device, retentionSeconds } = this.parts;
    const whole = { ...outcome, finished_at: new Date(finishedMs).toISOString(), model, worker, device };
    const rest = { shared, png, belonging: this.#belonging };
    const written = await store.finish(this.order.id, whole, retentionSeconds, rest);
    return written === 'finished' ? result : { outcome: 'dropped' };
  }

  #goOn(): void {
    if (this.attempt.canceled.aborted) throw stops.canceled();
  }

  /** Until the deadline, where there is one. */
  #leftMs(): number | undefined {
    const { deadline_ms } = this.order;
    return deadline_ms === undefined ? undefined : deadline_ms - Date.now();
  }

  /** By the clock of the system at the start, and from there on by one that is never set. */
  #now(): number {
    return this.#startedMs + (performance.now() - this.#start);
  }

  get #startedAt(): string {
    return new Date(this.#startedMs).toISOString();
  }
}
