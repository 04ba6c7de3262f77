/**
 * The micro-batcher: turns single crops into batches without ever making an idle stream wait.
 *
 * An item is waiting → in a batch → answered. Waiting items are kept in the order they came.
 *   submit, or a stream becomes idle:  while a stream is idle and items wait, the oldest min(maxBatch, their fair
 *                                      share) items leave as one batch; the share of n items over i idle streams is
 *                                      ⌈n / i⌉, so that two idle streams work on two items at once
 *   a batch succeeds:                  every item is answered
 *   a batch of several fails:          each of its items is queued again, at the front, to run alone
 *   a batch of one fails:              that item is rejected
 *   abandon:                           whatever waits is rejected; batches under way go on
 * Invariants: work-conserving (never both an idle stream and a waiting item); first come, first served; one bad item
 * rejects only itself; every submitted item is answered or rejected exactly once.
 * Trade-off: on a CPU a larger batch does not run faster per image, so waiting for one would only add latency. A
 * device where batches pay needs a delay; it belongs to `dispatch`.
 */

export interface BatchRunner<T, R> {
  /** Batches that could start now. */
  readonly idle: number;
  readonly maxBatch: number;
  /** Resolves to one result per item, in order. */
  run(items: readonly T[]): Promise<readonly R[]>;
}

export interface Batched<R> {
  readonly result: R;
  readonly batchSize: number;
  /** From submission to the start of the batch that answered. */
  readonly waitMs: number;
}

export class AbandonedError extends Error {
  constructor() {
    super('the batcher was told to hand back what waits');
    this.name = 'AbandonedError';
  }
}

interface Item<T, R> {
  readonly value: T;
  readonly submitted: number;
  /** Set once a batch that held it has failed. */
  alone: boolean;
  resolve(result: Batched<R>): void;
  reject(error: unknown): void;
}

export class MicroBatcher<T, R> {
  #waiting: Item<T, R>[] = [];
  #abandoned = false;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(
    private readonly runner: BatchRunner<T, R>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get waiting(): number {
    return this.#waiting.length;
  }

  submit(value: T): Promise<Batched<R>> {
    if (this.#abandoned) return Promise.reject(new AbandonedError());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ value, submitted: this.now(), alone: false, resolve, reject });
      this.dispatch();
    });
  }

  /** Starts as many batches as idle streams and waiting items allow. To be called when a stream becomes idle. */
  dispatch(): void {
    for (;;) {
      const { idle, maxBatch } = this.runner;
      if (idle === 0 || this.#waiting.length === 0) return;
      const share = Math.ceil(this.#waiting.length / idle);
      this.#start(this.#take(Math.min(maxBatch, share)));
    }
  }

  /** Rejects whatever waits, now and from now on. */
  abandon(): void {
    this.#abandoned = true;
    for (const item of this.#waiting.splice(0)) item.reject(new AbandonedError());
  }

  /** Up to `count` items from the front; one that must run alone is a batch of its own. */
  #take(count: number): Item<T, R>[] {
    if (this.#waiting[0]?.alone === true) return this.#waiting.splice(0, 1);
    const firstAlone = this.#waiting.findIndex((item) => item.alone);
    return this.#waiting.splice(0, firstAlone === -1 ? count : Math.min(count, firstAlone));
  }

  #start(batch: Item<T, R>[]): void {
    const started = this.now();
    this.runner.run(batch.map((item) => item.value)).then(
      (results) => {
        for (const [index, item] of batch.entries()) {
          const result = results[index];
          if (result === undefined) item.reject(new Error('the batch has no result for this item'));
          else item.resolve({ result, batchSize: batch.length, waitMs: started - item.submitted });
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
    for (const item of batch) item.alone = true;
    this.#waiting.unshift(...batch);
    this.dispatch();
  }
}
