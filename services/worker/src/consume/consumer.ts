/**
 * The queue side of a worker: a BullMQ Worker whose processor is an OrderRun.
 *
 * States: running → draining → closed. Draining takes no new order and finishes those it holds; when the time for that
 * is over, orders that wait for a batch are handed back to the queue, where another worker finds them at once.
 * Locks, renewal, retries and the recovery of stalled orders are BullMQ's. Which of the orders that a dead worker held is to
 * blame is found out by Suspects, below; the `failed` listener writes the outcome of one that is.
 * An order whose job was canceled is let go at its next boundary (order-run.ts), as soon as the API's message comes; a
 * message that is missed costs the run, whose result is dropped.
 * Trade-off: a lock of 9 s, renewed every 4.5 s and checked every 4 s by whichever worker's turn it is, brings back a killed
 * worker's orders after 4 to 13 s (the rest of the lock, then the next check); a shorter one would take orders from workers
 * that are merely slow. The main thread never blocks long enough to miss a renewal.
 */
import {
  canceledChannel,
  classifyOrderSchema,
  classifyQueueName,
  isRedisUnavailable,
  keyPrefix,
  workerLost,
  type ClassifyOrder,
  type JobStore,
  type Logger,
  type Redis,
  type WorkerMetrics,
} from '@quintet/shared';
import { UnrecoverableError, WaitingError, Worker, type Job } from 'bullmq';
import { OrderStopped } from '../errors.js';
import type { IdleTuning } from '../profile/idle-tuning.js';
import type { RateMeter } from './heartbeat.js';
import { OrderRun, type OrderResult, type WorkerParts } from './order-run.js';

interface ConsumerOptions extends WorkerParts {
  readonly redis: Redis;
  readonly metrics: WorkerMetrics;
  readonly logger: Logger;
  /** Counts what is held and done. */
  readonly meter: RateMeter;
  /** Is disturbed by every order; undefined where there is nothing to measure. */
  readonly tuning: IdleTuning | undefined;
}

const lockDurationMs = 9000;
const stalledIntervalMs = 4000;
/** BullMQ counts for each order the deaths of workers that held it, its neighbours' doing included. */
const maxStalledCount = 1000;
/** Longest wait for an order in one command: after a second more without an answer, BullMQ takes the connection for dead. */
const drainDelaySeconds = 1;

interface Held {
  readonly id: string;
  readonly cancel: AbortController;
}

export class Consumer {
  readonly #worker: Worker<ClassifyOrder, string>;
  readonly #held = new Set<Held>();
  readonly #suspects: Suspects;

  constructor(private readonly options: ConsumerOptions) {
    this.#suspects = new Suspects(options.store);
    this.#worker = new Worker<ClassifyOrder, string>(
      classifyQueueName(options.model.name),
      (job, token) => this.#process(job, token),
      {
        connection: options.redis,
        prefix: keyPrefix,
        name: options.worker,
        concurrency: options.slots.count,
        lockDuration: lockDurationMs,
        stalledInterval: stalledIntervalMs,
        drainDelay: drainDelaySeconds,
        maxStalledCount,
        autorun: false,
      },
    );
    this.#worker.on('error', (error) => {
      // connectRedis has told of a lost Redis, once; BullMQ tells of every command.
      options.logger[isRedisUnavailable(error) ? 'debug' : 'warn']({ error }, 'queue error');
    });
    this.#worker.on('stalled', (jobId) => {
      options.logger.warn({ job_id: jobId }, 'the worker that held this job is lost; it is queued again');
    });
    this.#worker.on('failed', (job, error) => {
      if (job?.finishedOn !== undefined) this.#endFailed(job, error);
    });
  }

  /** Starts taking orders; the promise settles when the worker has stopped. */
  start(): void {
    this.#worker.run().catch((error: unknown) => {
      this.options.logger.error({ error }, 'the queue worker ended');
    });
  }

  /** Hears of canceled jobs on `subscriber` from now on; ioredis subscribes again after each reconnect. */
  hearCancels(subscriber: Redis): void {
    subscriber.on('message', (channel: string, id: string) => {
      if (channel === canceledChannel) this.cancel(id);
    });
    // Queued until Redis is there; rejects only when the connection is closed for good.
    subscriber.subscribe(canceledChannel).catch(() => undefined);
  }

  /** Lets go of the order of the job `id`, where it is held. A frozen worker may have taken it twice. */
  cancel(id: string): void {
    for (const held of this.#held) if (held.id === id) held.cancel.abort();
  }

  /** Takes no more, finishes what it holds within `graceMs`, then hands back what has not begun to be inferred. */
  async drain(graceMs: number): Promise<void> {
    const { logger, classifier, sharing } = this.options;
    logger.info({ held: this.#held.size }, 'draining');
    const limit = setTimeout(() => {
      logger.warn({ held: this.#held.size }, 'handing back the orders that wait for a batch');
      classifier.abandon();
      sharing?.coalescing.abandon();
    }, graceMs);
    try {
      await this.#worker.close();
    } finally {
      clearTimeout(limit);
    }
  }

  async #process(job: Job<ClassifyOrder, string>, token: string | undefined): Promise<string> {
    const { metrics, logger, model, meter, tuning } = this.options;
    const order = classifyOrderSchema.parse(job.data);
    const log = logger.child({ job_id: order.id, request_id: order.request_id });
    const held: Held = { id: order.id, cancel: new AbortController() };
    this.#held.add(held);
    meter.begin();
    tuning?.work();
    let worked = false;
    metrics.active.set({ model: model.name }, this.#held.size);
    try {
      const last = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
      const attempt = { last, priority: job.opts.priority ?? 0, canceled: held.cancel.signal };
      const run = () => new OrderRun(order, attempt, this.options).run();
      const result = await (job.stalledCounter > 0 ? this.#suspects.run(order.id, run) : run());
      if (result === 'guilty') throw new UnrecoverableError('worker_lost');
      worked = result.outcome === 'succeeded' || result.outcome === 'failed';
      this.#record(result, order, log);
      if (result.outcome === 'failed') throw new UnrecoverableError(result.code);
      return result.outcome;
    } catch (error) {
      if (error instanceof OrderStopped && token !== undefined) {
        await job.moveToWait(token);
        log.info({ error }, 'order handed back');
        throw new WaitingError();
      }
      if (!(error instanceof UnrecoverableError)) log.warn({ error, attempt: job.attemptsMade + 1 }, 'attempt failed');
      throw error;
    } finally {
      this.#held.delete(held);
      meter.end(worked);
      metrics.active.set({ model: model.name }, this.#held.size);
    }
  }

  #record(result: OrderResult, order: ClassifyOrder, log: Logger): void {
    const { metrics, model } = this.options;
    const label = { model: model.name };
    switch (result.outcome) {
      case 'succeeded': {
        const { timing } = result;
        metrics.queueWait.observe(label, timing.queue / 1000);
        metrics.fetch.observe(label, timing.fetch / 1000);
        metrics.preprocess.observe(label, timing.preprocess / 1000);
        metrics.batchWait.observe(label, timing.batch_wait / 1000);
        metrics.inference.observe(label, timing.inference / 1000);
        metrics.total.observe(label, timing.total / 1000);
        metrics.jobs.inc({ ...label, outcome: 'succeeded', code: '' });
        log.info({ timing_ms: timing, batch_size: result.batchSize }, 'job succeeded');
        return;
      }
      case 'coalesced': {
        const { timing } = result;
        metrics.queueWait.observe(label, timing.queue / 1000);
        metrics.total.observe(label, timing.total / 1000);
        metrics.coalesced.inc(label);
        metrics.jobs.inc({ ...label, outcome: 'succeeded', code: '' });
        log.info({ timing_ms: timing }, 'job answered as another with the same picture');
        return;
      }
      case 'failed':
        metrics.jobs.inc({ ...label, outcome: 'failed', code: result.code });
        log.warn({ code: result.code, detail: result.detail }, 'job failed');
        return;
      case 'expired':
        metrics.jobs.inc({ ...label, outcome: 'expired', code: '' });
        log.info({ deadline: new Date(order.deadline_ms ?? 0).toISOString() }, 'job expired before it started');
        return;
      case 'dropped':
        log.info('order dropped: its job had ended');
    }
  }

  /** The order is given up; where our processor did not end the job itself, its workers died. */
  #endFailed(job: Job<ClassifyOrder, string>, error: Error): void {
    const { store, retentionSeconds, metrics, logger, model } = this.options;
    const { id } = job.data;
    store
      .finish(id, { ...workerLost(new Date()), model }, retentionSeconds)
      .then((result) => {
        if (result !== 'finished') return;
        metrics.jobs.inc({ model: model.name, outcome: 'failed', code: 'worker_lost' });
        logger.error({ job_id: id, error }, 'job failed: its workers were lost');
      })
      .catch((failure: unknown) => {
        logger.error({ job_id: id, error: failure }, 'could not end a lost job; it is ended when it is next read');
      });
  }
}

/** Beside the one that made it a suspect. */
export const mostDeaths = 2;

/**
 * Orders whose worker died while it held them. One of them may have killed it; the others were only there.
 *
 *   taken for the first time    runs beside others. Its worker dies → suspect, and so is all else that the worker held
 *   suspect                     waits for its turn: a worker runs one suspect at a time, and first notes in Redis that it does
 *   → ended, or to be retried   the note is taken back: it kills nobody
 *   → its worker dies           the note stays; after `mostDeaths` such runs the job ends as worker_lost
 * Invariant: only the order that was running is blamed for a death. BullMQ's own count blames every order that the dead
 * process held, so a picture that crashes its worker again and again would take its neighbours with it.
 * Trade-off: after a worker's death the few orders that it held are run one by one, and cost a round trip more.
 */
export class Suspects {
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly store: JobStore) {}

  /** Runs `work` when it is the turn of the order `id`; resolves to 'guilty', without running it, where it has killed too many. */
  async run<T>(id: string, work: () => Promise<T>): Promise<T | 'guilty'> {
    const before = this.#last;
    let done = (): void => undefined;
    this.#last = new Promise((resolve) => {
      done = resolve;
    });
    try {
      await before;
      if ((await this.store.beginSuspect(id)) > mostDeaths) return 'guilty';
      try {
        return await work();
      } finally {
        await this.store.clearSuspect(id);
      }
    } finally {
      done();
    }
  }
}
