/**
 * Fetches the pictures of jobs that name an `image_url`: a BullMQ Worker on the one fetch queue of all models. A fetch is the
 * child of its classify order, which BullMQ releases when the fetch has ended, however it ended.
 *
 * States: running → draining → closed. Draining takes no new order and lets those under way end; when the time for that is
 * over they are interrupted and handed back to the queue.
 *
 *   waiting → active → completed           fetched, or the job ended: failed, expired, dropped
 *             active → delayed → waiting   tried again; or, without counting as an attempt, Redis could not take the image, or
 *                                          host or client has its share of the places: it comes back when there is room
 *             active → waiting             interrupted by our own stop, or stalled: the worker died
 *             active → failed              its workers died once too often: the `failed` listener ends the job
 *
 * It has a concurrency of its own and shares nothing with the consumer but the main thread and Redis, so addresses that
 * answer slowly hold no place of the decoder or the model. Nor do they hold all places of others that are to be fetched
 * (packages/outbound/src/fair-shares.ts).
 * Trade-off: pictures are held in memory whole, at most FETCH_CONCURRENCY of MAX_UPLOAD_BYTES (twice that for a moment, when
 * the pieces of each are joined).
 */
import { setMaxListeners } from 'node:events';
import { FairShares, type Asking } from '@quintet/outbound';
import {
  fetchOrderSchema,
  fetchQueueName,
  isRedisUnavailable,
  keyPrefix,
  workerLost,
  type FetchOrder,
  type JobStore,
  type Logger,
  type Redis,
  type WorkerMetrics,
} from '@quintet/shared';
import { DelayedError, Job, WaitingError, Worker } from 'bullmq';
import { fetchOrder, type FetchDependencies, type FetchResult } from './fetch-order.js';

export interface FetcherOptions extends Omit<FetchDependencies, 'shares'> {
  readonly redis: Redis;
  readonly store: JobStore;
  readonly worker: string;
  readonly concurrency: number;
  readonly metrics: WorkerMetrics;
  readonly logger: Logger;
}

// As for orders to classify (consume/consumer.ts): what a dead worker was fetching is taken over within 15 s.
const lockDurationMs = 9000;
const stalledIntervalMs = 4000;
const drainDelaySeconds = 1;
/** After an error that is not the picture's. */
const unexpectedDelayMs = 1000;
/** After Redis did not take the image: it is full, or changes its primary. */
const redisDelayMs = 3000;

/** How an attempt that failed reaches the backoff strategy. No stack: the failure is the server's, and BullMQ keeps stacks. */
class TryAgain extends Error {
  constructor(
    code: string,
    readonly delayMs: number,
  ) {
    super(code);
    this.name = 'TryAgain';
    this.stack = '';
  }
}

/** By these the queue is told what becomes of an order; all others are faults. */
const handledErrors = [TryAgain, DelayedError, WaitingError];

export class Fetcher {
  readonly #worker: Worker<FetchOrder, string>;
  readonly #stopping = new AbortController();
  readonly #shares: FairShares;
  #active = 0;

  constructor(private readonly options: FetcherOptions) {
    // Every fetch under way listens; Node's warning from the eleventh on is about leaks, and here is none.
    setMaxListeners(0, this.#stopping.signal);
    this.#shares = new FairShares(options.concurrency, (asking) => {
      this.#callBack(asking).catch((error: unknown) => {
        // It comes back by itself.
        options.logger.debug({ error, fetch: asking.id }, 'a fetch that was put off could not be called back');
      });
    });
    this.#worker = new Worker<FetchOrder, string>(fetchQueueName, (job, token) => this.#process(job, token), {
      connection: options.redis,
      prefix: keyPrefix,
      name: options.worker,
      concurrency: options.concurrency,
      lockDuration: lockDurationMs,
      stalledInterval: stalledIntervalMs,
      maxStalledCount: 3,
      drainDelay: drainDelaySeconds,
      autorun: false,
      settings: {
        backoffStrategy: (_attemptsMade, _type, error) =>
          error instanceof TryAgain ? error.delayMs : unexpectedDelayMs,
      },
    });
    this.#worker.on('error', (error) => {
      // BullMQ tells of every command, ten a second of a Redis that takes no writes; the heartbeat tells of it, too.
      options.logger[isRedisUnavailable(error) ? 'debug' : 'warn']({ error }, 'fetch queue error');
    });
    this.#worker.on('stalled', (fetch) => {
      options.logger.warn({ fetch }, 'the worker that fetched this image is lost; it is queued again');
    });
    this.#worker.on('failed', (job, error) => {
      if (job?.finishedOn !== undefined) this.#endFailed(job, error);
    });
  }

  /** Starts taking orders. */
  start(): void {
    this.#worker.run().catch((error: unknown) => {
      this.options.logger.error({ error }, 'the fetch worker ended');
    });
  }

  /** Takes no more, lets fetches under way end within `graceMs`, then hands them back. */
  async drain(graceMs: number): Promise<void> {
    const interrupt = setTimeout(() => {
      this.#stopping.abort();
    }, graceMs);
    try {
      await this.#worker.close();
    } finally {
      clearTimeout(interrupt);
    }
  }

  async #process(job: Job<FetchOrder, string>, token: string | undefined): Promise<string> {
    const { metrics, logger } = this.options;
    const order = fetchOrderSchema.parse(job.data);
    const number = job.attemptsMade + 1;
    const log = logger.child({
      job_id: order.id,
      request_id: order.request_id,
      attempt: number,
      host: hostOf(order.url),
    });
    metrics.urlFetchActive.set(++this.#active);
    const started = performance.now();
    try {
      const attempt = {
        entry: job.id ?? '',
        start: job.attemptsStarted,
        number,
        of: job.opts.attempts ?? 1,
        stopping: this.#stopping.signal,
      };
      const result = await fetchOrder(order, attempt, { ...this.options, shares: this.#shares });
      if (result.outcome === 'busy') {
        const { deadline_ms: deadline = Infinity } = order;
        await job.moveToDelayed(Math.min(Date.now() + result.busy.delayMs, deadline), token);
        result.busy.away();
        throw new DelayedError();
      }
      this.#record(result, order, (performance.now() - started) / 1000, log);
      if (result.outcome === 'again') throw new TryAgain(result.code, result.delayMs);
      if (result.outcome === 'interrupted') {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      return result.outcome;
    } catch (error) {
      if (handledErrors.some((known) => error instanceof known)) throw error;
      log.error({ error }, 'fetch failed inside the service');
      if (!isRedisUnavailable(error)) throw error;
      await job.moveToDelayed(Date.now() + redisDelayMs, token);
      throw new DelayedError();
    } finally {
      metrics.urlFetchActive.set(--this.#active);
    }
  }

  /** Ends the delay of an order that was put off, unless it has been started since, here or on another worker. */
  async #callBack({ id, start }: Asking): Promise<void> {
    const job = await Job.fromId(this.#worker, id);
    if (job?.attemptsStarted === start) await job.promote();
  }

  #record(
    result: Exclude<FetchResult, { outcome: 'busy' }>,
    { model }: FetchOrder,
    seconds: number,
    log: Logger,
  ): void {
    const { metrics } = this.options;
    const code = 'code' in result ? result.code : undefined;
    metrics.urlFetchAttempts.inc({ outcome: code ?? result.outcome });
    metrics.urlFetchDuration.observe(seconds);
    const ms = Math.round(seconds * 1000);
    switch (result.outcome) {
      case 'fetched':
        metrics.urlFetchBytes.inc(result.bytes);
        log.info({ ms, bytes: result.bytes }, 'image fetched');
        return;
      case 'failed':
        metrics.jobs.inc({ model, outcome: 'failed', code: result.code });
        log.warn({ ms, code, detail: result.detail }, 'job failed: its image cannot be fetched');
        return;
      case 'again':
        log.warn({ ms, code, detail: result.detail, retry_in_ms: result.delayMs }, 'fetch attempt failed');
        return;
      case 'expired':
        metrics.jobs.inc({ model, outcome: 'expired', code: '' });
        log.info({ ms }, 'job expired before its image was there');
        return;
      case 'interrupted':
        log.warn({ ms }, 'fetch interrupted: handed back');
        return;
      case 'dropped':
        log.info({ ms }, 'fetch dropped: its job had ended');
    }
  }

  /** BullMQ gave up on the order; if we did not end the job, its workers died. */
  #endFailed(job: Job<FetchOrder, string>, error: Error): void {
    const { store, retentionSeconds, metrics, logger } = this.options;
    const { id, model } = job.data;
    store
      .finish(id, workerLost(new Date()), retentionSeconds)
      .then((result) => {
        if (result !== 'finished') return;
        metrics.jobs.inc({ model, outcome: 'failed', code: 'worker_lost' });
        logger.error({ job_id: id, error }, 'job failed: the workers that fetched its image were lost');
      })
      .catch((failure: unknown) => {
        logger.error({ job_id: id, error: failure }, 'could not end a lost job; its classify order does');
      });
  }
}

/** All of an address that may be logged: path and query may hold a token. */
function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}
