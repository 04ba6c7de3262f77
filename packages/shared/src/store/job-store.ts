/**
 * What Redis keeps of a job beside BullMQ's queue entry: its record, its image, and its outcome.
 *
 *   {quintet}:job:<id>    hash: record (JSON, written at submission), outcome (JSON, written at the end)
 *   {quintet}:image:<id>  the picture's bytes, until the job ends
 *
 * States of a job here: absent → open (record) → ended (record and outcome) → absent (TTL).
 * Invariant: an outcome is written once. `finish` is a script that writes only while there is none, so that of a
 * canceling client, a thawed worker and the one that took over its job, the first decides and the others learn it.
 * The same script drops the image, starts the retention period and publishes id and outcome on `finishedChannel`: who waits
 * for the job need not ask for what it is about to answer.
 * Trade-off: BullMQ could keep results too, but it evicts by age only when another job ends, cannot say "canceled" or
 * "expired", and sends return values through its event stream. Here every key expires by itself.
 */
import { Command, type Redis } from 'ioredis';
import { jobRecordSchema, outcomeSchema, type JobRecord, type Outcome } from '../job.js';
import { finishedChannel, keys } from '../queues.js';

export interface StoredJob {
  readonly record: JobRecord;
  readonly outcome?: Outcome;
}

/** A message of `finishedChannel`, as `finish` wrote it. `outcome` is undefined where there is none to read. */
export function readFinished(message: string): { readonly id: string; readonly outcome: () => Outcome | undefined } {
  const end = message.indexOf(' ');
  if (end < 0) return { id: message, outcome: () => undefined };
  return { id: message.slice(0, end), outcome: () => JSON.parse(message.slice(end + 1)) as Outcome };
}

export type FinishResult = 'finished' | 'already_finished' | 'unknown_job';

// KEYS: job, image. ARGV: outcome, retention in ms, id, channel.
// The image goes first: a Redis that is full refuses a script whose first write needs memory, and lets one go on whose first
// write frees some. Otherwise no job could end while it is full, and no image would make room.
const finishScript = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 'unknown_job' end
if redis.call('HEXISTS', KEYS[1], 'outcome') == 1 then return 'already_finished' end
redis.call('UNLINK', KEYS[2])
redis.call('HSET', KEYS[1], 'outcome', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PUBLISH', ARGV[4], ARGV[3] .. ' ' .. ARGV[1])
return 'finished'
`;

// KEYS: job. Of a job that is gone there is nothing to count, and a key made here would never expire.
const beginSuspectScript = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('HINCRBY', KEYS[1], 'suspect_runs', 1)
`;

interface ScriptedRedis extends Redis {
  quintetBeginSuspect(job: string): Promise<number>;
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
    redis.defineCommand('quintetBeginSuspect', { numberOfKeys: 1, lua: beginSuspectScript });
    this.#redis = redis as ScriptedRedis;
  }

  /**
   * Keeps the record and the image of a new job, each for `ttlSeconds` unless it ends before. What is given to the same
   * connection afterwards reaches Redis after it; what is given in the same turn goes out with it.
   *
   * No transaction: until the queue entry exists nobody looks.
   */
  async create(record: JobRecord, image: Buffer, ttlSeconds: number): Promise<void> {
    const key = keys.job(record.id);
    holdTurn(this.#redis);
    const imageKept = this.#redis.sendCommand(
      new SetImage(keys.image(record.id), image, ttlSeconds),
    ) as Promise<unknown>;
    const recordKept = this.#redis.hset(key, { record: JSON.stringify(record) });
    await Promise.all([imageKept, recordKept, this.#redis.expire(key, ttlSeconds)]);
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
    holdTurn(this.#redis);
    const key = keys.job(id);
    const [image, known, ended] = await Promise.all([
      this.#redis.getBuffer(keys.image(id)),
      this.#redis.hexists(key, 'record'),
      this.#redis.hexists(key, 'outcome'),
    ]);
    return { image: image ?? undefined, known: known === 1, ended: ended === 1 };
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

  /** Notes that a job whose worker died is being run again, alone; how often that was noted and not cleared. */
  async beginSuspect(id: string): Promise<number> {
    return this.#redis.quintetBeginSuspect(keys.job(id));
  }

  /** That run has ended, and its worker lives. */
  async clearSuspect(id: string): Promise<void> {
    await this.#redis.hdel(keys.job(id), 'suspect_runs');
  }
}

/**
 * What a connection is given in this turn of the event loop, promises included, leaves as one write. A pipeline would do that
 * for its own commands only, and making one costs more than sending them where BullMQ has defined its scripts.
 */
function holdTurn({ stream, status }: Redis): void {
  if (status !== 'ready') return;
  stream.cork();
  process.nextTick(() => {
    stream.uncork();
  });
}

/**
 * `SET key image EX seconds` that hands the image to the socket as it is: the client library would join it with the words
 * around it, in a buffer of its own.
 */
class SetImage extends Command {
  constructor(
    private readonly key: string,
    private readonly image: Buffer,
    private readonly seconds: number,
  ) {
    super('set', [key, image, 'EX', String(seconds)]);
  }

  override toWritable(socket: { write(data: string | Buffer): unknown }): string {
    const word = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
    socket.write(`*5\r\n${word('set')}${word(this.key)}$${this.image.length}\r\n`);
    socket.write(this.image);
    return `\r\n${word('EX')}${word(String(this.seconds))}`;
  }
}
