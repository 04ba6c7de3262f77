/**
 * What Redis keeps of a job beside BullMQ's queue entry: its record, its image, and its outcome.
 *
 *   {quintet}:job:<id>    hash: record (JSON, written at submission), outcome (JSON, written at the end)
 *   {quintet}:image:<id>  the picture's bytes, until the job ends
 *
 * States of a job here: absent → open (record) → ended (record and outcome) → absent (TTL).
 * Invariant: an outcome is written once. `finish` is a script that writes only while there is none, so that of a
 * canceling client, a thawed worker and the one that took over its job, the first decides and the others learn it.
 * The same script drops the image, starts the retention period and publishes the id on `finishedChannel`.
 * Trade-off: BullMQ could keep results too, but it evicts by age only when another job ends, cannot say "canceled" or
 * "expired", and sends return values through its event stream. Here every key expires by itself.
 */
import type { Redis } from 'ioredis';
import { jobRecordSchema, outcomeSchema, type JobRecord, type Outcome } from '../job.js';
import { finishedChannel, keys } from '../queues.js';

export interface StoredJob {
  readonly record: JobRecord;
  readonly outcome?: Outcome;
}

export type FinishResult = 'finished' | 'already_finished' | 'unknown_job';

// KEYS: job, image. ARGV: outcome, retention in ms, id, channel.
const finishScript = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 'unknown_job' end
if redis.call('HSETNX', KEYS[1], 'outcome', ARGV[1]) == 0 then return 'already_finished' end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('UNLINK', KEYS[2])
redis.call('PUBLISH', ARGV[4], ARGV[3])
return 'finished'
`;

interface ScriptedRedis extends Redis {
  quintetFinish(
    job: string,
    image: string,
    outcome: string,
    ttl: number,
    id: string,
    channel: string,
  ): Promise<FinishResult>;
}

export class JobStore {
  readonly #redis: ScriptedRedis;

  constructor(redis: Redis) {
    redis.defineCommand('quintetFinish', { numberOfKeys: 2, lua: finishScript });
    this.#redis = redis as ScriptedRedis;
  }

  /**
   * Keeps the record and the image of a new job, each for `ttlSeconds` unless it ends before. All of it is on its way to Redis
   * when this returns its promise: a command given to the same connection afterwards comes after it.
   *
   * No transaction: until the queue entry exists nobody looks, and a client library joins a transaction's commands into one
   * buffer, which would copy the image twice more.
   */
  async create(record: JobRecord, image: Buffer, ttlSeconds: number): Promise<void> {
    const key = keys.job(record.id);
    const imageKept = this.#redis.set(keys.image(record.id), image, 'EX', ttlSeconds);
    const recordKept = this.#redis
      .pipeline()
      .hset(key, { record: JSON.stringify(record) })
      .expire(key, ttlSeconds)
      .exec();
    const [, replies] = await Promise.all([imageKept, recordKept]);
    for (const [error] of replies ?? []) if (error) throw error;
  }

  /** Forgets a job that never reached a queue. */
  async discard(id: string): Promise<void> {
    await this.#redis.unlink(keys.job(id), keys.image(id));
  }

  async read(id: string): Promise<StoredJob | undefined> {
    const [record, outcome] = await this.#redis.hmget(keys.job(id), 'record', 'outcome');
    if (typeof record !== 'string') return undefined;
    return {
      record: jobRecordSchema.parse(JSON.parse(record)),
      ...(typeof outcome === 'string' ? { outcome: outcomeSchema.parse(JSON.parse(outcome)) } : {}),
    };
  }

  /** What a worker needs to begin: the picture, and whether the job has ended meanwhile. One round trip. */
  async readImage(id: string): Promise<{ image: Buffer | undefined; known: boolean; ended: boolean }> {
    const replies = await this.#redis
      .pipeline()
      .getBuffer(keys.image(id))
      .hexists(keys.job(id), 'record')
      .hexists(keys.job(id), 'outcome')
      .exec();
    const [image, known, ended] = (replies ?? []).map(([error, value]) => {
      if (error) throw error;
      return value;
    });
    return { image: Buffer.isBuffer(image) ? image : undefined, known: known === 1, ended: ended === 1 };
  }

  /** Ends the job with `outcome` unless it has ended before; the result stays for `retentionSeconds`. */
  async finish(id: string, outcome: Outcome, retentionSeconds: number): Promise<FinishResult> {
    return this.#redis.quintetFinish(
      keys.job(id),
      keys.image(id),
      JSON.stringify(outcome),
      retentionSeconds * 1000,
      id,
      finishedChannel,
    );
  }
}
