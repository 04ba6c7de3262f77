/**
 * Corrections: a field of the job's hash (job-store.ts), so that one ends exactly when its job does.
 *
 * Invariant: only a job that has ended has one. The script looks before it writes: a hash that it made would never expire.
 */
import type { Redis } from 'ioredis';
import type { Correction } from '../correction.js';
import { keys } from '../queues.js';

// KEYS: job. ARGV: the correction, or '' to take it back. Taking it back frees memory, so a Redis that is full allows it.
const correctScript = `
if redis.call('HEXISTS', KEYS[1], 'outcome') == 0 then return 0 end
if ARGV[1] == '' then redis.call('HDEL', KEYS[1], 'correction')
else redis.call('HSET', KEYS[1], 'correction', ARGV[1]) end
return 1
`;

interface ScriptedRedis extends Redis {
  quintetCorrect(job: string, correction: string): Promise<0 | 1>;
}

export class CorrectionStore {
  readonly #redis: ScriptedRedis;

  constructor(redis: Redis) {
    redis.defineCommand('quintetCorrect', { numberOfKeys: 1, lua: correctScript });
    this.#redis = redis as ScriptedRedis;
  }

  /** Puts `correction` in the place of an earlier one; undefined takes that back. False: the job is gone, or has not ended. */
  async write(id: string, correction: Correction | undefined): Promise<boolean> {
    const value = correction === undefined ? '' : JSON.stringify(correction);
    return (await this.#redis.quintetCorrect(keys.job(id), value)) === 1;
  }
}
