/**
 * Reading a job: its outcome where there is one, else how far the queue says it is.
 *
 * A job without an outcome whose queue entry is gone or given up (its workers died too often) is ended here by whoever
 * asks: someone must, and the store lets only the first succeed.
 */
import {
  presentJob,
  ProblemError,
  workerLost,
  type Job,
  type JobRecord,
  type JobStore,
  type StoredJob,
} from '@quintet/shared';
import { owns, type Client } from './client.js';
import type { Standing } from './idempotency.js';
import type { Queues } from './queues.js';

/** Between the record and the queue entry of a submission lies one round trip; far more than that is a lost job. */
const submissionGraceMs = 5000;

export interface ReadContext {
  readonly store: Pick<JobStore, 'read' | 'finish'>;
  readonly queues: Pick<Queues, 'state'>;
  readonly resultTtlSeconds: number;
  readonly now?: () => number;
}

/** The job `id` as it stands. Throws `job_not_found`, also where it is another client's. */
export async function readJob(context: ReadContext, id: string, client: Client): Promise<Job> {
  const stored = await readStored(context, id);
  if (!owns(client, stored.record)) throw jobNotFound(id);
  if (stored.outcome !== undefined) return presentJob(stored.record, { outcome: stored.outcome });

  const state = await context.queues.state(stored.record.model.name, id);
  if (typeof state === 'object') return presentJob(stored.record, { progress: state });

  // It may have ended between the two questions.
  const again = await readStored(context, id);
  if (again.outcome !== undefined) return presentJob(again.record, { outcome: again.outcome });
  if (state === 'absent' && isBeingSubmitted(again.record, context.now ?? Date.now)) {
    return presentJob(again.record, { progress: { status: 'queued' } });
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
