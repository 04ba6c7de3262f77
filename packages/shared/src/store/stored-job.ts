/** A job as the store reads it: its record, and its outcome once it has ended. */
import type { Redis } from 'ioredis';
import { jobRecordSchema, outcomeSchema, type JobRecord, type Outcome } from '../job.js';
import { keys } from '../queues.js';

export interface StoredJob {
  readonly record: JobRecord;
  readonly outcome?: Outcome;
}

/** The jobs of these ids; undefined for each that is no longer kept. */
export async function readStored(redis: Redis, ids: readonly string[]): Promise<(StoredJob | undefined)[]> {
  if (ids.length === 0) return [];
  const commands = redis.pipeline();
  for (const id of ids) commands.hmget(keys.job(id), 'record', 'outcome');
  return ((await commands.exec()) ?? []).map(([error, fields]) => {
    if (error) throw error;
    return parseStored(fields as (string | null)[]);
  });
}

/** Of the fields `record` and `outcome` of a job's key. */
export function parseStored([record, outcome]: readonly (string | null | undefined)[]): StoredJob | undefined {
  if (typeof record !== 'string') return undefined;
  return {
    record: jobRecordSchema.parse(JSON.parse(record)),
    ...(typeof outcome === 'string' ? { outcome: outcomeSchema.parse(JSON.parse(outcome)) } : {}),
  };
}
