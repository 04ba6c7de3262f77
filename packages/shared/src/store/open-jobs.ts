/**
 * How many jobs of a client are open, for clients that may have only so many: exact, whatever processes die.
 *
 *   {quintet}:open:<client>  sorted set: job id, scored by the time (Redis' own, in ms) from which it no longer counts
 *
 * States of an id in it: absent → held (its submission is under way; counts for two minutes) → kept (the job exists, its
 * record names this set, and it counts until that record expires) → absent: `finish` (job-store.ts) takes it out in the very step that ends the job.
 * Invariant: what counts is at most the limit; looking, clearing out and entering are one script.
 * Trade-off: an API that dies between hold and keep leaves an id that counts for two minutes more, and a job whose record
 * expired unfinished counts until the same moment; in return nobody has to sweep.
 */
import type { Redis } from 'ioredis';
import { keys } from '../queues.js';

/** Longer than any submission: the API gives up on a request after one minute. */
const holdMs = 120_000;

// KEYS: set. ARGV: limit, hold in ms, ids…. Replies with Redis' time in ms, or 0 where there is no room for all of them.
const holdScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) + #ARGV - 2 > tonumber(ARGV[1]) then return 0 end
for i = 3, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[i]) end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return now
`;

// KEYS: set, jobs…. ARGV: score, life of the set in ms, ids…. A job without a record gets none from here.
const keepScript = `
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    redis.call('HSET', KEYS[i], 'open', KEYS[1])
    redis.call('ZADD', KEYS[1], ARGV[1], ARGV[i + 1])
  end
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
`;

/** Places for jobs that are being submitted. */
export interface OpenLease {
  /**
   * The jobs count as long as their records are kept. To be called when those have been given to the same connection,
   * before the jobs are in a queue: a job must not end before it is counted. `some`: of these of its ids only.
   */
  keep(ttlSeconds: number, some?: readonly string[]): Promise<void>;
  /** Gives the places back; for jobs that were not submitted after all. */
  release(): Promise<void>;
}

interface ScriptedRedis extends Redis {
  quintetHoldOpen(set: string, limit: number, holdMs: number, ...ids: string[]): Promise<number>;
  quintetKeepOpen(keyCount: number, ...args: (string | number)[]): Promise<null>;
}

export class OpenJobs {
  readonly #redis: ScriptedRedis;

  constructor(redis: Redis) {
    redis.defineCommand('quintetHoldOpen', { numberOfKeys: 1, lua: holdScript });
    redis.defineCommand('quintetKeepOpen', { lua: keepScript });
    this.#redis = redis as ScriptedRedis;
  }

  /** Places for the jobs `ids` of `client`, of whose jobs `limit` may be open; undefined where there is no room for all. */
  async hold(client: string, ids: readonly string[], limit: number): Promise<OpenLease | undefined> {
    const set = keys.open(client);
    const now = await this.#redis.quintetHoldOpen(set, limit, holdMs, ...ids);
    if (now === 0) return undefined;
    return {
      keep: async (ttlSeconds, some = ids) => {
        const jobs = some.map((id) => keys.job(id));
        const life = ttlSeconds * 1000 + holdMs;
        await this.#redis.quintetKeepOpen(1 + some.length, set, ...jobs, now + life, life, ...some);
      },
      release: async () => {
        await this.#redis.zrem(set, ...ids);
      },
    };
  }

  /** How many jobs of `client` count now. */
  async count(client: string): Promise<number> {
    const [seconds, micros] = await this.#redis.time();
    const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    return this.#redis.zcount(keys.open(client), `(${now}`, '+inf');
  }
}
