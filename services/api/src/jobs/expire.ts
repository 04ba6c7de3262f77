/**
 * Jobs that did not start in time (`ttl_seconds`) end as expired: a worker that takes one ends it, whoever reads one does, and
 * where no worker lives and nobody asks, so does the sweep, because a webhook waits for it.
 *
 *   waiting, deadline passed → outcome written (the store lets the first decide) → queue entry removed, which lets the
 *   delivery go → forgotten by the set of deadlines
 * Invariant: a job stays in the set until its queue entry is gone, so a crash between two of these steps is made up for by the
 * next sweep, of any API process. Removing twice is harmless.
 * Trade-off: every API process sweeps; what two of them find at once is looked at twice. In return there is no leader.
 */
import { workerLost, type JobRecord, type JobStore, type Logger, type Outcome } from '@quintet/shared';
import type { Queues } from './queues.js';

export interface ExpireContext {
  readonly store: Pick<JobStore, 'finish' | 'forgetDeadline'>;
  readonly queues: Pick<Queues, 'remove'>;
  readonly resultTtlSeconds: number;
}

export function isOverdue(record: Pick<JobRecord, 'deadline_ms'>, nowMs: number): boolean {
  return record.deadline_ms !== undefined && nowMs > record.deadline_ms;
}

/** Ends a job that waits past its deadline, unless it has ended before; how it ended then, if this call did it. */
export async function expireJob(
  context: ExpireContext,
  record: JobRecord,
  nowMs: number,
): Promise<Outcome | undefined> {
  const outcome: Outcome = { status: 'expired', finished_at: new Date(nowMs).toISOString() };
  const result = await context.store.finish(record.id, outcome, context.resultTtlSeconds);
  // The outcome is what counts. What fails here is done by the next sweep.
  await takeOut(context, record).catch(() => undefined);
  return result === 'finished' ? outcome : undefined;
}

async function takeOut(context: Omit<ExpireContext, 'resultTtlSeconds'>, record: JobRecord): Promise<void> {
  if (await context.queues.remove(record.model.name, record.id)) await context.store.forgetDeadline(record.id);
}

export interface SweepContext {
  readonly store: Pick<JobStore, 'read' | 'finish' | 'overdue' | 'postponeDeadline' | 'forgetDeadline'>;
  readonly queues: Pick<Queues, 'remove' | 'state'>;
  readonly resultTtlSeconds: number;
  readonly now?: () => number;
}

const sweepMs = 1000;
const portion = 50;
const mostPortions = 20;
/** When a job that runs is looked at again: its worker may die, and it wait again. */
const runningMs = 5000;

/** Ends what is overdue, a thousand jobs at most, fifty at a time; how many were looked at. */
export async function sweepOverdue(context: SweepContext): Promise<number> {
  let seen = 0;
  for (let round = 0; round < mostPortions; round += 1) {
    const nowMs = (context.now ?? Date.now)();
    const ids = await context.store.overdue(nowMs - 1, portion);
    await Promise.all(ids.map((id) => settleOverdue(context, id, nowMs)));
    seen += ids.length;
    if (ids.length < portion) break;
  }
  return seen;
}

async function settleOverdue(context: SweepContext, id: string, nowMs: number): Promise<void> {
  const stored = await context.store.read(id);
  if (stored === undefined) {
    await context.store.forgetDeadline(id);
  } else if (stored.outcome !== undefined) {
    await takeOut(context, stored.record);
  } else {
    const state = await context.queues.state(stored.record.model.name, id);
    if (typeof state === 'object' && state.status === 'processing') {
      await context.store.postponeDeadline(id, nowMs + runningMs);
    } else if (state === 'ended') {
      // It did start: its workers died too often.
      await context.store.finish(id, workerLost(new Date(nowMs)), context.resultTtlSeconds);
    } else {
      await expireJob(context, stored.record, nowMs);
    }
  }
}

/** Sweeps about once a second until the returned function is called. */
export function startSweep(context: SweepContext, logger: Logger): () => void {
  let timer: NodeJS.Timeout;
  let failed = false;
  let stopped = false;
  const next = (): void => {
    // Spread, so that the processes do not sweep together.
    if (!stopped) timer = setTimeout(sweep, sweepMs * (0.8 + Math.random() * 0.4));
  };
  const sweep = (): void => {
    sweepOverdue(context)
      .then(
        () => {
          failed = false;
        },
        (error: unknown) => {
          // Redis is away; said once, not every second.
          if (!failed) logger.warn({ error }, 'jobs past their deadline could not be ended; trying again');
          failed = true;
        },
      )
      .finally(next);
  };
  next();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
