/**
 * By when a job that waits must have started, for whoever waits for it in this process: not a part of the job as clients see
 * it, so kept beside it.
 */
import type { Job, JobRecord } from '@quintet/shared';

const deadlines = new WeakMap<Job, number>();

/** `job`, which waits, with the deadline of its record. */
export function withDeadline(job: Job, { deadline_ms }: Pick<JobRecord, 'deadline_ms'>): Job {
  if (deadline_ms !== undefined) deadlines.set(job, deadline_ms);
  return job;
}

/** One that still waited when it was read, just before its deadline: whoever reads it next ends it. In milliseconds. */
const soonMs = 10;

/** Milliseconds from `nowMs` (Unix) until the job is overdue, at least a few; undefined where it has no deadline. */
export function msUntilOverdue(job: Job, nowMs: number): number | undefined {
  const deadline = deadlines.get(job);
  return deadline === undefined ? undefined : Math.max(soonMs, deadline - nowMs + 1);
}
