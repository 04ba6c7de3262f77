/**
 * Cancellation: the job ends now. Where it waits, its order is taken out of the queue; where a worker holds it, that worker is
 * told and lets go of it at the next boundary, or finds at the end that the job has ended, and drops its result.
 */
import { presentJob, ProblemError, type Job, type JobStore, type Outcome } from '@quintet/shared';
import { owns, type Client } from './client.js';
import type { Queues } from './queues.js';
import { jobNotFound } from './read.js';

export interface CancelContext {
  readonly store: Pick<JobStore, 'read' | 'finish' | 'announceCancel'>;
  readonly queues: Pick<Queues, 'remove'>;
  readonly resultTtlSeconds: number;
}

/** Ends the job `id` as canceled. Throws `job_not_found`, or `job_finished` where it has ended before. */
export async function cancelJob(context: CancelContext, id: string, client: Client): Promise<Job> {
  const known = await context.store.read(id);
  if (known === undefined || !owns(client, known.record)) throw jobNotFound(id);
  const outcome: Outcome = { status: 'canceled', finished_at: new Date().toISOString() };
  const result = await context.store.finish(id, outcome, context.resultTtlSeconds);
  if (result === 'unknown_job') throw jobNotFound(id);
  const stored = await context.store.read(id);
  if (stored === undefined) throw jobNotFound(id);
  if (result === 'already_finished') {
    const status = stored.outcome?.status ?? 'finished';
    throw new ProblemError('job_finished', `Job ${id} has already ended: ${status}.`);
  }
  // The outcome is what counts. An entry that stays in the queue is dropped by the worker that takes it.
  await Promise.allSettled([context.store.announceCancel(id), context.queues.remove(stored.record.model.name, id)]);
  return presentJob(stored.record, { outcome });
}
