/**
 * The micro-batcher: turns single crops into batches, and decides when each leaves.
 *
 * An item is waiting → in a batch → answered; or waiting → expired, abandoned or canceled. Items wait in the order of
 * submission, delayed by 250 ms for each step of priority: order is kept within a priority, a better one goes first,
 * and nobody is passed for ever.
 *
 * Whenever an item comes, a stream becomes idle, or the timer fires:
 *   expire   an item whose answer is due sooner than a batch of one takes is rejected without being run
 *   size     the first n items, n ≤ maxBatch, n ≤ their fair share ⌈waiting / idle⌉ (two idle streams work on two items
 *            at once), and n so small that no item of the batch misses its deadline for the company of the others
 *   hold     where one stream is idle and all that waits fits into its batch, one more item is awaited if that lowers
 *            the mean latency: with the next item expected in w and L(n) the time of a batch, waiting costs each of the
 *            n + 1 items w + L(n + 1) − L(n), leaving at once costs the newcomer up to L(n) more; so it pays where
 *            (n + 1) · (w + L(n + 1) − L(n)) < L(1). On a CPU L(n + 1) − L(n) is about L(1): it never does. On a GPU
 *            it does while items come fast
 *   leave    else, at once; and a batch that is held leaves when it is full, when the next item is late (2 w), when its
 *            oldest item has waited L(1), or when the nearest deadline leaves only L(n) plus a margin
 * A batch of several that fails is run again item by item; one that fails alone is rejected.
 *
 * Invariants: no idle stream beside a waiting item, but for a hold, which is bounded by L(1); one bad item rejects only
 * itself; every item is answered or rejected exactly once; an item is expired only if it can no longer be in time.
 * Trade-off: deadlines do not reorder items. First come, first served is what clients understand; a deadline only ends
 * waiting early.
 */
import { stops } from '../errors.js';

export interface BatchRunner<T, R> {
  /** Batches that could start now. */
  readonly idle: number;
  readonly maxBatch: number;
  /** Milliseconds that a batch of `size` is expected to take. */
  latency(size: number): number;
  /** Resolves to one result per item, in order. */
  run(items: readonly T[]): Promise<readonly R[]>;
}

/** Milliseconds on a monotonic clock, and a timer; `after` returns what cancels it. */
export interface Clock {
  now(): number;
  after(milliseconds: number, callback: () => void): () => void;
}

export interface SubmitOptions {
  /** When the answer must be there, on the batcher's clock. */
  readonly due?: number;
  /** 0 goes first. */
  readonly priority?: number;
  /** Takes the item out when aborted, unless it is in a batch by then. */
  readonly canceled?: AbortSignal;
}

interface Batched<R> {
  readonly result: R;
  readonly batchSize: number;
  /** From submission to the start of the batch that answered. */
  readonly waitMs: number;
}

/** How much later one step of priority makes an item, at most. */
export const priorityStepMs = 250;
/** Left of a deadline when a held batch leaves: timers are late, and streams are told through a message. */
export const deadlineMarginMs = 5;
const arrivalSmoothing = 0.2;

interface Item<T, R> {
  readonly value: T;
  readonly submitted: number;
  readonly due: number;
  /** Place in the queue: submission plus the delay of its priority. */
  readonly rank: number;
  /** Set once a batch that held it has failed. */
  alone: boolean;
  readonly canceled: AbortSignal | undefined;
  resolve(result: Batched<R>): void;
  reject(error: unknown): void;
}

export const monotonicClock: Clock = {
  now: () => performance.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  },
};

export class MicroBatcher<T, R> {
  #waiting: Item<T, R>[] = [];
  #abandoned = false;
  #lastArrival = Number.NEGATIVE_INFINITY;
  /** Smoothed time between arrivals; unknown until the second. */
  #gap = Number.POSITIVE_INFINITY;
  #cancelTimer: () => void = () => undefined;

  constructor(
    private readonly runner: BatchRunner<T, R>,
    private readonly clock: Clock = monotonicClock,
  ) {}

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Rejects with OrderStopped, or with what the runner says of this item alone. */
  submit(value: T, options: SubmitOptions = {}): Promise<Batched<R>> {
    const { due = Number.POSITIVE_INFINITY, priority = 0, canceled } = options;
    if (this.#abandoned) return Promise.reject(stops.abandoned());
    if (canceled?.aborted === true) return Promise.reject(stops.canceled());
    let cancel = (): void => undefined;
    const answer = new Promise<Batched<R>>((resolve, reject) => {
      const submitted = this.clock.now();
      this.#learnArrival(submitted);
      const rank = submitted + priority * priorityStepMs;
      const later = this.#waiting.findLastIndex((item) => item.rank <= rank);
      const item: Item<T, R> = { value, submitted, due, rank, alone: false, canceled, resolve, reject };
      this.#waiting.splice(later + 1, 0, item);
      cancel = () => {
        this.#remove(item);
      };
      this.dispatch();
    });
    if (canceled === undefined) return answer;
    canceled.addEventListener('abort', cancel);
    return answer.finally(() => {
      canceled.removeEventListener('abort', cancel);
    });
  }

  /** Starts what should start now. To be called when a stream becomes idle. */
  dispatch(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => undefined;
    for (;;) {
      const now = this.clock.now();
      this.#expire(now);
      const { idle } = this.runner;
      if (this.#waiting.length === 0) return;
      if (idle === 0) {
        this.#wakeAt(this.#nearestDue() - this.runner.latency(1), now);
        return;
      }
      const size = this.#batchSize(idle, now);
      const until = this.#holdUntil(size, idle);
      if (now < until) {
        this.#wakeAt(until, now);
        return;
      }
      this.#start(this.#waiting.splice(0, size), now);
    }
  }

  /** Rejects whatever waits, now and from now on. */
  abandon(): void {
    this.#abandoned = true;
    this.#cancelTimer();
    for (const item of this.#waiting.splice(0)) item.reject(stops.abandoned());
  }

  #remove(item: Item<T, R>): void {
    const index = this.#waiting.indexOf(item);
    // In a batch, whose run nothing stops.
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    item.reject(stops.canceled());
    this.dispatch();
  }

  #learnArrival(now: number): void {
    const gap = now - this.#lastArrival;
    this.#lastArrival = now;
    if (!Number.isFinite(gap)) return;
    this.#gap = Number.isFinite(this.#gap) ? this.#gap + arrivalSmoothing * (gap - this.#gap) : gap;
  }

  #expire(now: number): void {
    const soonest = now + this.runner.latency(1);
    const late = this.#waiting.filter((item) => item.due < soonest);
    if (late.length === 0) return;
    this.#waiting = this.#waiting.filter((item) => item.due >= soonest);
    for (const item of late) item.reject(stops.late());
  }

  #batchSize(idle: number, now: number): number {
    const { maxBatch } = this.runner;
    if (this.#waiting[0]?.alone === true) return 1;
    const share = Math.min(maxBatch, Math.ceil(this.#waiting.length / idle));
    let size = 0;
    let due = Number.POSITIVE_INFINITY;
    for (const item of this.#waiting.slice(0, share)) {
      due = Math.min(due, item.due);
      if (size > 0 && (item.alone || due < now + this.runner.latency(size + 1))) break;
      size += 1;
    }
    return size;
  }

  /** Until when a batch of `size` is held for company: the past where that does not pay. */
  #holdUntil(size: number, idle: number): number {
    const never = Number.NEGATIVE_INFINITY;
    const [oldest] = this.#waiting;
    if (oldest === undefined || oldest.alone || idle > 1) return never;
    if (size < this.#waiting.length || size >= this.runner.maxBatch) return never;
    const alone = this.runner.latency(1);
    const now = this.runner.latency(size);
    const cost = (size + 1) * (this.#gap + this.runner.latency(size + 1) - now);
    if (cost >= alone) return never;
    const oldestSubmitted = this.#waiting.reduce((least, item) => Math.min(least, item.submitted), Infinity);
    return Math.min(
      oldestSubmitted + alone,
      this.#lastArrival + 2 * this.#gap,
      this.#nearestDue() - now - deadlineMarginMs,
    );
  }

  #nearestDue(): number {
    return this.#waiting.reduce((least, { due }) => Math.min(least, due), Number.POSITIVE_INFINITY);
  }

  #wakeAt(time: number, now: number): void {
    if (!Number.isFinite(time)) return;
    // A millisecond past an expiry, so that it has passed when the timer fires.
    this.#cancelTimer = this.clock.after(Math.max(1, time - now + 1), () => {
      this.dispatch();
    });
  }

  #start(batch: Item<T, R>[], now: number): void {
    this.runner.run(batch.map((item) => item.value)).then(
      (results) => {
        for (const [index, item] of batch.entries()) {
          const result = results[index];
          if (result === undefined) item.reject(new Error('the batch has no result for this item'));
          else item.resolve({ result, batchSize: batch.length, waitMs: now - item.submitted });
        }
      },
      (error: unknown) => {
        this.#recover(batch, error);
      },
    );
  }

  #recover(batch: Item<T, R>[], error: unknown): void {
    if (batch.length === 1 || this.#abandoned) {
      for (const item of batch) item.reject(error);
      return;
    }
    const wanted = batch.filter((item) => item.canceled?.aborted !== true);
    for (const item of batch) {
      item.alone = true;
      if (!wanted.includes(item)) item.reject(stops.canceled());
    }
    this.#waiting.unshift(...wanted);
    this.dispatch();
  }
}
