/** A job as its hash has it (job-store.ts): one place that reads it, for single jobs and for many. */
import type { Redis } from 'ioredis';
import { correctionSchema, type Correction } from '../correction.js';
import { jobRecordSchema, outcomeSchema, type JobRecord, type Outcome } from '../job.js';
import { keys } from '../queues.js';

export interface StoredJob {
  readonly record: JobRecord;
  readonly outcome?: Outcome;
  /** Only beside an outcome. */
  readonly correction?: Correction;
}

export type EndedJob = StoredJob & Required<Pick<StoredJob, 'outcome'>>;

export function hasOutcome(job: StoredJob): job is EndedJob {
  return job.outcome !== undefined;
}

/** The fields that `parseStoredJob` takes, in its order. */
export const storedJobFields = ['record', 'outcome', 'correction'] as const;

/** The job of these fields; undefined where there is no record. */
export function parseStoredJob(fields: readonly (string | null | undefined)[]): StoredJob | undefined {
  const [record, outcome, correction] = fields;
  if (typeof record !== 'string') return undefined;
  return {
    record: jobRecordSchema.parse(JSON.parse(record)),
    ...(typeof outcome === 'string' ? { outcome: outcomeSchema.parse(JSON.parse(outcome)) } : {}),
    ...(typeof correction === 'string' ? { correction: correctionSchema.parse(JSON.parse(correction)) } : {}),
  };
}

/** The jobs of these ids; undefined for each that is no longer kept. */
export async function readStoredJobs(redis: Redis, ids: readonly string[]): Promise<(StoredJob | undefined)[]> {
  if (ids.length === 0) return [];
  const commands = redis.pipeline();
  for (const id of ids) commands.hmget(keys.job(id), ...storedJobFields);
  return ((await commands.exec()) ?? []).map(([error, fields]) => {
    if (error) throw error;
    return parseStoredJob(fields as (string | null)[]);
  });
}
