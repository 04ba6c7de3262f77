/**
 * The queue side: takes delivery orders from BullMQ and tells it what becomes of each (deliver/deliver-order.ts decides).
 *
 *   waiting-children → waiting → active → completed            delivered, skipped, dropped
 *                                active → waiting-children     of a batch, whose items are still being queued, or run
 *                                active → delayed → waiting    the attempt failed and the schedule has a next one; or host or
 *                                                              client has its share of the places, which is no attempt:
 *                                                              it comes back when there is room, or in a while
 *                                active → failed               exhausted, gone, refused, disabled
 *                                active → waiting              interrupted by our own stop, or stalled: our process died
 *
 * Invariant: an order leaves only by one of the seven outcomes. Delivery is at least once, under the same webhook-id: a
 * process that is killed between the receiver's answer and the note of it makes another process send it again.
 * Trade-off: the lock is short, so that the orders of a killed process are taken over within 15 s; a process that is
 * cut off from Redis for longer than the lock may send twice, which receivers must expect anyway.
 */
import { setMaxListeners } from 'node:events';
import { FairShares, type Asking } from '@quintet/outbound';
import { deliveryOrderSchema, isRedisUnavailable, keyPrefix, unlessStranded, webhookQueueName } from '@quintet/shared';
import type { Logger, Redis, WebhookMetrics } from '@quintet/shared';
import { DelayedError, Job, WaitingChildrenError, WaitingError, Worker } from 'bullmq';
import { Deliverer, type Decision, type DelivererOptions } from '../deliver/deliver-order.js';
import { delayBeforeNext, type DeliveryOutcome } from '../deliver/outcome.js';

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

/** How long an order waits that became active too early and has no children to wait for at the moment. */
const lookAgainMs = 1000;

interface DeliveryWorkerOptions extends Omit<DelivererOptions, 'metrics' | 'shares'> {
  readonly connection: Redis;
  readonly concurrency: number;
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

/** By these the processor says what becomes of an order; all others are faults. */
const handledErrors = [DeliveryFailed, DelayedError, WaitingError, WaitingChildrenError];

export function startDeliveryWorker(options: DeliveryWorkerOptions): DeliveryWorker {
  const { metrics, logger } = options;
  const stopping = new AbortController();
  // Every attempt under way listens; Node's warning from the eleventh on is about leaks, and here is none.
  setMaxListeners(0, stopping.signal);
  let underWay = 0;
  const shares = new FairShares(options.concurrency, (asking) => {
    callBack(worker, asking).catch((error: unknown) => {
      // It comes back by itself.
      logger.debug({ error, delivery: asking.id }, 'a delivery that was put off could not be called back');
    });
  });
  const deliverer = new Deliverer({
    ...options,
    shares,
    attempt: (id, message, mayConnect, signal) => {
      underWay++;
      return options.attempt(id, message, mayConnect, signal).finally(() => underWay--);
    },
  });

  const processOrder = async (job: Job, token?: string): Promise<{ outcome: DeliveryOutcome }> => {
    const order = deliveryOrderSchema.parse(job.data);
    const ids = { request_id: order.request_id, ...(order.kind === 'job' ? { job_id: order.id } : {}) };
    const log = logger.child({ ...ids, delivery: job.id, attempt: job.attemptsMade + 1 });
    const turn = {
      entry: job.id ?? '',
      start: job.attemptsStarted,
      attemptsMade: job.attemptsMade,
      mostAttempts: job.opts.attempts ?? 1,
    };
    try {
      await delayFirst(job, token, options.schedule);
      return await settle(await deliverer.deliver(order, turn, log, stopping.signal), job, token);
    } catch (error) {
      if (handledErrors.some((known) => error instanceof known)) throw error;
      log.error({ error }, 'delivery failed inside the service');
      return settle(await deliverer.failInside(order, turn, log), job, token);
    }
  };

  /** Tells BullMQ: by what is returned, or by what is thrown. */
  const settle = async (decision: Decision, job: Job, token: string | undefined) => {
    switch (decision.kind) {
      case 'ended':
        metrics.deliveries.inc({ outcome: decision.outcome });
        return { outcome: decision.outcome };
      case 'failed':
        metrics.deliveries.inc({ outcome: decision.outcome });
        throw new DeliveryFailed(decision.reason, undefined);
      case 'retry':
        throw new DeliveryFailed(decision.reason, decision.delayMs);
      case 'busy':
        await job.moveToDelayed(Date.now() + decision.delayMs, token);
        decision.away();
        throw new DelayedError();
      case 'wait':
        return waitForChildren(job, token, decision.noneLeft);
      case 'interrupted':
        await job.moveToWait(token);
        throw new WaitingError();
    }
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

/** Ends the delay of an order that was put off, unless it has been started since, here or in another process. */
async function callBack(worker: Worker, { id, start }: Asking): Promise<void> {
  const job = await Job.fromId(worker, id);
  if (job?.attemptsStarted === start) await job.promote();
}

/** The schedule's first delay begins when the job has ended, which is when BullMQ starts the order for the first time. */
async function delayFirst(job: Job, token: string | undefined, schedule: readonly number[]): Promise<void> {
  const delayMs = job.attemptsStarted === 1 ? delayBeforeNext(schedule, 0) : 0;
  if (delayMs === undefined || delayMs === 0) return;
  await job.moveToDelayed(Date.now() + delayMs, token);
  throw new DelayedError();
}

async function waitForChildren(
  job: Job,
  token: string | undefined,
  noneLeft: (() => Promise<void>) | undefined,
): Promise<never> {
  if (token !== undefined && (await job.moveToWaitingChildren(token))) throw new WaitingChildrenError();
  await noneLeft?.();
  await job.moveToDelayed(Date.now() + lookAgainMs, token);
  throw new DelayedError();
}
