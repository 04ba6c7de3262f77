/**
 * Corrections: a field of the job's hash (job-store.ts), so that one ends exactly when its job does.
 *
 * Invariant: only a job that has ended has one.
 */
import type { Redis } from 'ioredis';
import type { Correction } from '../correction.js';
import { keys } from '../queues.js';
import { runScript } from './scripts.js';

export class CorrectionStore {
  constructor(private readonly redis: Redis) {}

  /** Puts `correction` in the place of an earlier one; undefined takes that back. False: the job is gone, or has not ended. */
  async write(id: string, correction: Correction | undefined): Promise<boolean> {
    const value = correction === undefined ? '' : JSON.stringify(correction);
    return (await runScript(this.redis, 'write-correction', [keys.job(id)], value)) === 1;
  }
}
