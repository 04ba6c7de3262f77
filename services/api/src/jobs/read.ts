/**
 * Reading a job: its outcome where there is one, else how far the queue says it is, and where it stands there.
 *
 * A job that waits past its deadline is ended by whoever reads it so (expire.ts).
 * A job without an outcome whose queue entry is gone or given up (its workers died too often) is ended here by whoever
 * asks: someone must, and the store lets only the first succeed.
 */
import {
  hasOutcome,
  presentJob,
  ProblemError,
  workerLost,
  type Job,
  type JobRecord,
  type JobStore,
  type StoredJob,
} from '@quintet/shared';
import { owns, type Client } from './client.js';
import { expireJob, isOverdue, type ExpireContext } from './expire.js';
import type { Standing } from './idempotency.js';
import type { QueuePositions } from './queue-positions.js';
import type { Queues } from './queues.js';
import { withDeadline } from './start-deadline.js';

/** Between the record and the queue entry of a submission lies one round trip; far more than that is a lost job. */
const submissionGraceMs = 5000;

export interface ReadContext extends ExpireContext {
  readonly store: Pick<JobStore, 'read' | 'finish' | 'forgetDeadline'>;
  readonly queues: Pick<Queues, 'state' | 'remove'>;
  readonly positions: Pick<QueuePositions, 'place'>;
  readonly now?: () => number;
}

/** The job `id` as it stands. Throws `job_not_found`, also where it is another client's. */
export async function readJob(context: ReadContext, id: string, client: Client): Promise<Job> {
  const stored = await readStored(context, id);
  if (!owns(client, stored.record)) throw jobNotFound(id);
  return presentStored(context, stored);
}

/** The job of which `stored` has just been read. */
export async function presentStored(context: ReadContext, stored: StoredJob): Promise<Job> {
  const { id, model } = stored.record;
  if (hasOutcome(stored)) return presentJob(stored.record, stored);

  const state = await context.queues.state(model.name, id);
  if (typeof state === 'object') {
    return state.status === 'queued'
      ? presentWaiting(context, stored.record)
      : presentJob(stored.record, { progress: state });
  }

  // It may have ended between the two questions.
  const again = await readStored(context, id);
  if (hasOutcome(again)) return presentJob(again.record, again);
  if (state === 'absent' && isBeingSubmitted(again.record, context.now ?? Date.now)) {
    return presentWaiting(context, again.record);
  }
  return endLost(context, again.record);
}

/** How much there is of the job `id`, for whoever may have submitted it. */
export async function findJob(context: Pick<ReadContext, 'store' | 'queues'>, id: string): Promise<Standing> {
  const stored = await context.store.read(id);
  if (stored === undefined) return 'absent';
  if (stored.outcome !== undefined) return 'whole';
  return (await context.queues.state(stored.record.model.name, id)) === 'absent' ? 'partial' : 'whole';
}

async function presentWaiting(context: ReadContext, record: JobRecord): Promise<Job> {
  const nowMs = (context.now ?? Date.now)();
  if (isOverdue(record, nowMs)) {
    const outcome = (await expireJob(context, record, nowMs)) ?? (await readStored(context, record.id)).outcome;
    if (outcome !== undefined) return presentJob(record, { outcome });
  }
  const queue = await context.positions.place(record.model.name, record.id);
  return withDeadline(presentJob(record, { progress: { status: 'queued', queue } }), record);
}

async function endLost(context: ReadContext, record: JobRecord): Promise<Job> {
  const outcome = workerLost(new Date((context.now ?? Date.now)()));
  const result = await context.store.finish(record.id, outcome, context.resultTtlSeconds);
  if (result === 'finished') return presentJob(record, { outcome });
  const { outcome: first } = await readStored(context, record.id);
  return presentJob(record, { outcome: first ?? outcome });
}

async function readStored(context: ReadContext, id: string): Promise<StoredJob> {
  const stored = await context.store.read(id);
  if (stored === undefined) throw jobNotFound(id);
  return stored;
}

function isBeingSubmitted(record: JobRecord, now: () => number): boolean {
  return now() - Date.parse(record.created_at) < submissionGraceMs;
}

export function jobNotFound(id: string): ProblemError {
  return new ProblemError('job_not_found', `There is no job ${id}, or its result is no longer kept.`);
}
