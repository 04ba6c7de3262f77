/** A job as its hash has it (job-store.ts): one place that reads it, for single jobs and for those of batches. */
import { correctionSchema, type Correction } from '../correction.js';
import { jobRecordSchema, outcomeSchema, type JobRecord, type Outcome } from '../job.js';

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
