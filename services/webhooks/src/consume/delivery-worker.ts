/**
 * The queue side: takes delivery orders from BullMQ and tells it what becomes of each.
 *
 *   waiting-children → waiting → active → completed            delivered, skipped, dropped
 *                                active → delayed → waiting    the attempt failed and the schedule has a next one
 *                                active → failed               exhausted, gone, refused
 *                                active → waiting              interrupted by our own stop, or stalled: our process died
 *
 * Invariant: an order leaves only by one of the six outcomes. Delivery is at least once, under the same webhook-id: a
 * process that is killed between the receiver's answer and BullMQ's note of it makes another process send it again.
 * Trade-off: the lock is short, so that the orders of a killed process are taken over within 15 s; a process that is
 * cut off from Redis for longer than the lock may send twice, which receivers must expect anyway.
 */
import { setMaxListeners } from 'node:events';
import {
  deliveryId,
  deliveryOrderSchema,
  isRedisUnavailable,
  keyPrefix,
  unlessStranded,
  webhookQueueName,
} from '@quintet/shared';
import type { Logger, Redis, WebhookMetrics } from '@quintet/shared';
import { DelayedError, WaitingError, Worker, type Job } from 'bullmq';
import type { Message, Prepared } from '../deliver/message.js';
import { messageSchema } from '../deliver/message.js';
import type { DeliveryOutcome, Verdict } from '../deliver/outcome.js';
import { delayBeforeNext, type RetryHint } from '../deliver/schedule.js';

/** The API's order and, from the first failure on, the message: retries go on for days, the job's record may not. */
const orderSchema = deliveryOrderSchema.extend({ message: messageSchema.optional() });
type Order = ReturnType<typeof orderSchema.parse>;

const lockMs = 10_000;
const stalledCheckMs = 5_000;
/** Longest wait for an order in one command: after a second more without an answer, BullMQ takes the connection for dead. */
const drainDelaySeconds = 1;
/** A delivery cannot kill its process, so one that was held by dying processes is tried again, not given up. */
const maxStalledCount = 1_000;
/** BullMQ's sign for it, as a delay. */
const dontRetry = -1;
/** Of ended orders, for those the API set no limit for: a look at the last ones, by hand. */
const kept = { age: 3600, count: 1000 };

export interface DeliveryWorkerOptions {
  readonly connection: Redis;
  readonly concurrency: number;
  /** Seconds before each attempt, the first included. */
  readonly schedule: readonly number[];
  readonly prepare: (id: string, logger: Logger) => Promise<Prepared>;
  readonly attempt: (id: string, message: Message, signal: AbortSignal) => Promise<Verdict>;
  readonly metrics: WebhookMetrics;
  readonly logger: Logger;
}

export interface DeliveryWorker {
  running(): boolean;
  /** Takes no more, lets attempts under way end, and after `graceMs` interrupts them and hands their orders back. */
  stop(graceMs: number): Promise<void>;
}

/** How a failed attempt reaches the backoff strategy. No stack: the failure is the receiver's, and BullMQ keeps stacks. */
class DeliveryFailed extends Error {
  constructor(
    message: string,
    readonly delayMs: number | undefined,
  ) {
    super(message);
    this.name = 'DeliveryFailed';
    this.stack = '';
  }
}

export function startDeliveryWorker(options: DeliveryWorkerOptions): DeliveryWorker {
  const { metrics, logger } = options;
  const stopping = new AbortController();
  // Every attempt under way listens; Node's warning from the eleventh on is about leaks, and here is none.
  setMaxListeners(0, stopping.signal);
  let underWay = 0;

  const processOrder = async (job: Job, token?: string): Promise<{ outcome: DeliveryOutcome }> => {
    const order = orderSchema.parse(job.data);
    const log = logger.child({ request_id: order.request_id, job_id: order.id, attempt: job.attemptsMade + 1 });
    try {
      await delayFirst(job, token, options.schedule);
      const prepared: Prepared =
        order.message === undefined ? await options.prepare(order.id, log) : { message: order.message };
      if ('ended' in prepared) return end(prepared.ended, log);
      return await deliver(job, token, order, prepared.message, log);
    } catch (error) {
      if ([DeliveryFailed, DelayedError, WaitingError].some((known) => error instanceof known)) throw error;
      log.error({ error }, 'delivery failed inside the service');
      throw failed(job, 'an error inside the service', { slowDown: false }, log);
    }
  };

  const deliver = async (job: Job, token: string | undefined, order: Order, message: Message, parent: Logger) => {
    const log = parent.child({ event: message.type, host: hostOf(message.url) });
    underWay++;
    const verdict = await options.attempt(deliveryId(order.id), message, stopping.signal).finally(() => underWay--);
    switch (verdict.kind) {
      case 'delivered':
        return end('delivered', log);
      case 'stop':
        end(verdict.outcome, log, verdict.reason);
        throw new DeliveryFailed(verdict.reason, undefined);
      case 'retry': {
        const failure = failed(job, verdict.reason, verdict.hint, log);
        if (failure.delayMs !== undefined && order.message === undefined) await job.updateData({ ...order, message });
        throw failure;
      }
      case 'interrupted':
        log.warn('delivery interrupted: handed back');
        await job.moveToWait(token);
        throw new WaitingError();
    }
  };

  const failed = (job: Job, reason: string, hint: RetryHint, log: Logger): DeliveryFailed => {
    const made = job.attemptsMade + 1;
    const delayMs = made < (job.opts.attempts ?? 1) ? delayBeforeNext(options.schedule, made, hint) : undefined;
    if (delayMs === undefined) end('exhausted', log, reason);
    else log.warn({ reason, retry_in_seconds: delayMs / 1000 }, 'delivery attempt failed');
    return new DeliveryFailed(reason, delayMs);
  };

  const end = (outcome: DeliveryOutcome, log: Logger, reason?: string): { outcome: DeliveryOutcome } => {
    metrics.deliveries.inc({ outcome });
    const bad = outcome === 'exhausted' || outcome === 'gone' || outcome === 'refused';
    log[bad ? 'error' : 'info']({ outcome, ...(reason === undefined ? {} : { reason }) }, 'delivery ended');
    return { outcome };
  };

  const worker = new Worker(webhookQueueName, processOrder, {
    connection: options.connection,
    prefix: keyPrefix,
    concurrency: options.concurrency,
    lockDuration: lockMs,
    stalledInterval: stalledCheckMs,
    maxStalledCount,
    drainDelay: drainDelaySeconds,
    removeOnComplete: kept,
    removeOnFail: kept,
    settings: {
      backoffStrategy: (_attemptsMade, _type, error) =>
        error instanceof DeliveryFailed ? (error.delayMs ?? dontRetry) : dontRetry,
    },
  });
  worker.on('error', (error) => {
    // connectRedis has told of a lost Redis, once; BullMQ tells of every command.
    logger[isRedisUnavailable(error) ? 'debug' : 'error']({ error }, 'queue error');
  });
  worker.on('failed', (job, error) => {
    if (error instanceof DeliveryFailed) return;
    // An order that cannot be read, or one that BullMQ itself gave up.
    logger.error({ error, delivery: job?.id }, 'delivery order dropped');
    metrics.deliveries.inc({ outcome: 'dropped' });
  });
  worker.on('stalled', (id) => {
    logger.warn({ delivery: id }, 'delivery taken over from a process that died');
  });

  return {
    running: () => worker.isRunning(),
    stop: async (graceMs) => {
      const interrupt = setTimeout(() => {
        stopping.abort();
      }, graceMs);
      const ended = await unlessStranded(worker.close(), options.connection, () => underWay === 0, 0);
      if (ended === 'stranded') logger.warn('stopped without Redis');
      clearTimeout(interrupt);
    },
  };
}

/** The schedule's first delay begins when the job has ended, which is when BullMQ starts the order for the first time. */
async function delayFirst(job: Job, token: string | undefined, schedule: readonly number[]): Promise<void> {
  const delayMs = job.attemptsStarted === 1 ? delayBeforeNext(schedule, 0) : 0;
  if (delayMs === undefined || delayMs === 0) return;
  await job.moveToDelayed(Date.now() + delayMs, token);
  throw new DelayedError();
}

/** All of an address that may be logged: path and query often hold a receiver's token. */
function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}
