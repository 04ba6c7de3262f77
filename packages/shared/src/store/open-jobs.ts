/**
 * How many jobs of a client are open, for clients that may have only so many: exact, whatever processes die.
 *
 *   {quintet}:open:<client>  sorted set: job id, scored by the time (Redis' own, in ms) from which it no longer counts
 *
 * States of an id in it: absent → held (its submission is under way; counts for two minutes) → kept (the job exists, its
 * record names this set, and it counts until that record expires) → absent: `finish` (job-store.ts) takes it out in the very step that ends the job.
 * Invariant: what counts is at most the limit; looking and entering are one script, which holds up to `pieceLength`
 * places. More are held in pieces, each only while there is room for all that are still missing.
 * Trade-off: of two batches that are submitted at once and have no room together, both may be refused. An API that dies
 * between hold and keep leaves an id that counts for two minutes more, and a job whose record expired unfinished counts
 * until the same moment; in return nobody has to sweep.
 */
import type { Redis } from 'ioredis';
import { keys } from '../queues.js';
import { runScript } from './scripts.js';

/** Longer than any submission: the API gives up on a request after one minute. */
const holdMs = 120_000;
/** Places that one command holds or gives back: half a millisecond of Redis. */
const pieceLength = 1000;

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

export class OpenJobs {
  constructor(private readonly redis: Redis) {}

  /** Places for the jobs `ids` of `client`, of whose jobs `limit` may be open; undefined where there is no room for all. */
  async hold(client: string, ids: readonly string[], limit: number): Promise<OpenLease | undefined> {
    const set = keys.open(client);
    let now = 0;
    for (let from = 0; from < ids.length; from += pieceLength) {
      const piece = ids.slice(from, from + pieceLength);
      now = await runScript(this.redis, 'hold-open', [set], limit, holdMs, ids.length - from, ...piece);
      if (now === 0) {
        await this.#release(set, ids.slice(0, from));
        return undefined;
      }
    }
    return {
      keep: async (ttlSeconds, some = ids) => {
        const jobs = some.map((id) => keys.job(id));
        const life = ttlSeconds * 1000 + holdMs;
        await runScript(this.redis, 'keep-open', [set, ...jobs], now + life, life, ...some);
      },
      release: () => this.#release(set, ids),
    };
  }

  async #release(set: string, ids: readonly string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += pieceLength) {
      await this.redis.zrem(set, ...ids.slice(from, from + pieceLength));
    }
  }

  /** How many jobs of `client` count now. */
  async count(client: string): Promise<number> {
    const [seconds, micros] = await this.redis.time();
    const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    return this.redis.zcount(keys.open(client), `(${now}`, '+inf');
  }
}
