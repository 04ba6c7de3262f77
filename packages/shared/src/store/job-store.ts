/**
 * What Redis keeps of a job beside BullMQ's queue entry: its record, its image, and its outcome.
 *
 *   {quintet}:job:<id>    hash: record (JSON, written at submission), outcome (JSON, written at the end), explanation (the
 *                         heat map of an explained outcome, a PNG, written in the same step and kept exactly as long), correction (JSON,
 *                         what its client says instead, correction-store.ts), and where its client may have only so many open jobs,
 *                         open: the set that counts them (open-jobs.ts)
 *   {quintet}:image:<id>  the picture's bytes, until the job ends; of a job by image_url, from when it is fetched
 *   {quintet}:deadlines   sorted set: the ids of jobs with a deadline, until they end; of expired ones, until whoever
 *                         expired them has also taken them out of their queue (services/api/src/jobs/expire.ts)
 *
 * States of a job here: absent → open (record) → ended (record and outcome) → absent (TTL).
 * Invariant: an outcome is written once. `finish` is a script that writes only while there is none, so that of a
 * canceling client, a thawed worker and the one that took over its job, the first decides and the others learn it.
 * The same script drops the image, starts the retention period and publishes id and outcome on `finishedChannel`: who waits
 * for the job need not ask for what it is about to answer. It also counts the job among those that ended (ended-jobs.ts), an
 * item of a batch (fields `batch` and `index`) in its batch, and puts a job whose delivery is not the parent of its queue entry
 * (field `notify`, the id of the request) into the outbox: each therefore once.
 * Trade-off: BullMQ could keep results too, but it evicts by age only when another job ends, cannot say "canceled" or
 * "expired", and sends return values through its event stream. Here every key expires by itself.
 */
import type { Redis } from 'ioredis';
import type { JobRecord, Outcome } from '../job.js';
import { canceledChannel, finishedChannel, keys, startedChannel } from '../queues.js';
import { batchKeys, expireItems } from './batch-store.js';
import { endedRecord } from './ended-jobs.js';
import { clearOut, keepJobs } from './job-list.js';
import { holdTurn, SetImage } from './one-write.js';
import { writeKept, type Answer } from './result-cache.js';
import { runScript } from './scripts.js';
import { parseStoredJob, storedJobFields, type StoredJob } from './stored-job.js';

/** A message of `finishedChannel`, as `finish` wrote it. `outcome` is undefined where there is none to read. */
export function readFinished(message: string): { readonly id: string; readonly outcome: () => Outcome | undefined } {
  const end = message.indexOf(' ');
  if (end < 0) return { id: message, outcome: () => undefined };
  return { id: message.slice(0, end), outcome: () => JSON.parse(message.slice(end + 1)) as Outcome };
}

/** A message of `startedChannel`, as `readImage` wrote it. */
export function readStarted(message: string): { readonly id: string; readonly startedAt: Date } {
  const end = message.indexOf(' ');
  return { id: message.slice(0, end), startedAt: new Date(Number(message.slice(end + 1))) };
}

export type FinishResult = 'finished' | 'already_finished' | 'unknown_job';

/** An answer that other jobs may be given too. */
export interface SharedAnswer extends Answer {
  /** As `resultName` makes it. */
  readonly name: string;
  readonly ttlSeconds: number;
}

/** Further keys that the end of a job is written to: the set that counts its client's open jobs, and its batch; '' for none. */
export interface Belonging {
  readonly open: string;
  readonly batch: string;
}

/** What `finish` writes beside the outcome. */
export interface Finishing {
  /** Kept for others in the same step; the job's claim to compute it is over. */
  readonly shared?: SharedAnswer | undefined;
  /** The heat map of the outcome's explanation, which is there whenever the outcome that tells of it is. */
  readonly png?: Uint8Array | undefined;
  /** As `readImage` told it. Without it, Redis is asked twice for a job that belongs to something. */
  readonly belonging?: Belonging | undefined;
}

/** What an image lives that is stored before its job was looked at: far more than lies between the two commands. */
const unclaimedImageSeconds = 60;

export class JobStore {
  constructor(private readonly redis: Redis) {}

  /**
   * Keeps the record and the image of a new job, each for `queueSeconds` unless it ends before, and lists it among its owner's, which
   * are listed for `resultSeconds` more; no image where it is still to be fetched. What is given to the same connection afterwards
   * reaches Redis after it; what is given in the same turn goes out with it.
   */
  async create(
    record: JobRecord,
    image: Buffer | undefined,
    queueSeconds: number,
    resultSeconds = queueSeconds,
  ): Promise<void> {
    holdTurn(this.redis);
    const imageKept = image === undefined ? Promise.resolve() : this.stageImage(record.id, image, queueSeconds);
    await Promise.all([imageKept, keepJobs(this.redis, [record], { queueSeconds, resultSeconds })]);
  }

  /**
   * Keeps a job that has its answer from the start: no image, and nothing that expires later than its result does. `png`: the
   * heat map of its explanation.
   */
  async createFinished(record: JobRecord, outcome: Outcome, retentionSeconds: number, png?: Uint8Array): Promise<void> {
    holdTurn(this.redis);
    const list = keys.jobs(record.owner);
    const words = [JSON.stringify(record), JSON.stringify(outcome), retentionSeconds * 1000, endedRecord(outcome)];
    const names = [keys.job(record.id), list, ...keys.ended];
    const due = await runScript(this.redis, 'create-finished-job', names, ...words, asWord(png), record.id);
    if (due === 1) clearOut(this.redis, list);
  }

  /**
   * Keeps the fetched image of the job `id` until that ends; false where it has ended, and nothing is kept. A script that
   * took the image itself would copy it inside Redis.
   */
  async addImage(id: string, image: Buffer): Promise<boolean> {
    holdTurn(this.redis);
    const [, kept] = await Promise.all([
      this.stageImage(id, image, unclaimedImageSeconds),
      runScript(this.redis, 'keep-image', [keys.job(id), keys.image(id)]),
    ]);
    return kept === 1;
  }

  /** Whether the job `id` has ended, or is no longer kept. */
  async hasEnded(id: string): Promise<boolean> {
    const [record, outcome] = await Promise.all([
      this.redis.hexists(keys.job(id), 'record'),
      this.redis.hexists(keys.job(id), 'outcome'),
    ]);
    return record === 0 || outcome === 1;
  }

  /** Keeps the image of a job that has no record yet. */
  async stageImage(id: string, image: Buffer, ttlSeconds: number): Promise<void> {
    await this.redis.sendCommand(new SetImage(keys.image(id), image, ttlSeconds));
  }

  /** Forgets a job that never reached a queue. */
  async discard(id: string): Promise<void> {
    await Promise.all([this.redis.unlink(keys.job(id), keys.image(id)), this.forgetDeadline(id)]);
  }

  async read(id: string): Promise<StoredJob | undefined> {
    return parseStoredJob(await this.redis.hmget(keys.job(id), ...storedJobFields));
  }

  /** The heat map of the job `id`, and the seconds that it is kept for; undefined where there is none. */
  async readExplanation(id: string): Promise<{ readonly png: Buffer; readonly secondsLeft: number } | undefined> {
    holdTurn(this.redis);
    const key = keys.job(id);
    const [png, leftMs] = await Promise.all([this.redis.hgetBuffer(key, 'explanation'), this.redis.pttl(key)]);
    return png === null ? undefined : { png, secondsLeft: Math.max(0, Math.floor(leftMs / 1000)) };
  }

  /**
   * What a worker needs to begin: the picture, whether the job has ended meanwhile, and what it belongs to, if anything;
   * tells those who watch the job that it starts at `startedMs` (Unix). One round trip.
   */
  async readImage(
    id: string,
    startedMs = Date.now(),
  ): Promise<{ image: Buffer | undefined; known: boolean; ended: boolean; belonging: Belonging | undefined }> {
    holdTurn(this.redis);
    const key = keys.job(id);
    const [image, known, ended, [open, batch]] = await Promise.all([
      this.redis.getBuffer(keys.image(id)),
      this.redis.hexists(key, 'record'),
      this.redis.hexists(key, 'outcome'),
      this.redis.hmget(key, 'open', 'batch'),
      this.redis.publish(startedChannel, `${id} ${startedMs}`),
    ]);
    const belonging = open || batch ? { open: open ?? '', batch: batch ?? '' } : undefined;
    return { image: image ?? undefined, known: known === 1, ended: ended === 1, belonging };
  }

  /**
   * Ends the job with `outcome` unless it has ended before; the result stays for `retentionSeconds`.
   */
  async finish(
    id: string,
    outcome: Outcome,
    retentionSeconds: number,
    { shared, png, belonging = { open: '', batch: '' } }: Finishing = {},
  ): Promise<FinishResult> {
    const { status, started_at = '', finished_at } = outcome;
    const retentionMs = retentionSeconds * 1000;
    const words: (string | number | Buffer)[] = [JSON.stringify(outcome), retentionMs, id, finishedChannel];
    words.push(status, started_at, finished_at, endedRecord(outcome), asWord(png));
    const { none } = keys;
    const names = [keys.job(id), keys.image(id), keys.deadlines, keys.outbox, ...keys.ended];
    const answer = shared === undefined ? [none, none] : [keys.result(shared.name), keys.inferring(shared.name)];
    const answerWords = shared === undefined ? ['', 0] : [writeKept(shared), shared.ttlSeconds * 1000];
    // Most jobs belong to nothing; of others that the caller does not know, the script says what they belong to.
    for (let { open, batch } = belonging; ;) {
      const owners = [open === '' ? none : open, ...(batch === '' ? [none, none, none] : batchKeys(batch))];
      const reply = await runScript(
        this.redis,
        'finish-job',
        [...names, ...owners, ...answer],
        ...[...words, batch, ...answerWords],
      );
      if (reply === 'finished_batch') await expireItems(this.redis, batch, retentionMs);
      if (typeof reply === 'string') return reply === 'finished_batch' ? 'finished' : reply;
      [open, batch] = reply;
    }
  }

  /** Tells the worker that may hold the canceled job. Who misses it runs the job to its end, for nothing. */
  async announceCancel(id: string): Promise<void> {
    await this.redis.publish(canceledChannel, id);
  }

  /** Up to `count` jobs that should have started before `nowMs` (Unix), the latest last. */
  async overdue(nowMs: number, count: number): Promise<string[]> {
    return this.redis.zrangebyscore(keys.deadlines, '-inf', nowMs, 'LIMIT', 0, count);
  }

  /** Has the job looked at again at `nextMs` (Unix), if it has a deadline. */
  async postponeDeadline(id: string, nextMs: number): Promise<void> {
    await this.redis.zadd(keys.deadlines, 'XX', nextMs, id);
  }

  async forgetDeadline(id: string): Promise<void> {
    await this.redis.zrem(keys.deadlines, id);
  }

  /** Notes that a job whose worker died is being run again, alone; how often that was noted and not cleared. */
  async beginSuspect(id: string): Promise<number> {
    return runScript(this.redis, 'begin-suspect', [keys.job(id)]);
  }

  /** That run has ended, and its worker lives. */
  async clearSuspect(id: string): Promise<void> {
    await this.redis.hdel(keys.job(id), 'suspect_runs');
  }
}

/** A heat map as a script takes it; the empty word stands for none. */
function asWord(png: Uint8Array | undefined): Buffer | string {
  return png === undefined ? '' : Buffer.from(png.buffer, png.byteOffset, png.byteLength);
}
