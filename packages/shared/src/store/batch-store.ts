/**
 * What Redis keeps of a batch beside its items' jobs.
 *
 *   {quintet}:batch:<id>         hash: record (JSON), succeeded, failed, canceled, expired (counts), started_at,
 *                                total (once sealed), finished_at (once ended), cancel_asked
 *   {quintet}:batch:<id>:items   list: "<job id> <name>" in order
 *   {quintet}:batch:<id>:errors  list: the index of each of the first failed items
 *
 * States: absent → open (record, short life) → sealed (total; every item is in its queue) → ended → absent.
 * Invariant: a batch that is not sealed was answered to nobody. Its keys, and the pictures that were staged for it, expire
 * within `stagingSeconds` where the process that made them died; clients do not see it.
 * Trade-off: the counts are written by the script that ends each item (lua/finish-job-12.lua), so that it is counted in
 * the step that decides its end, never twice and never not. It costs every other job one look at two fields, and makes
 * reading a batch of a thousand one command.
 */
import type { Redis } from 'ioredis';
import { batchRecordSchema, type BatchRecord, type StoredBatch } from '../batch.js';
import { finalStatuses, type JobRecord } from '../job.js';
import { finishedChannel, keys } from '../queues.js';
import { keepJobs, type KeptFor } from './job-list.js';
import { runScript } from './scripts.js';
import { readStoredJobs, type StoredJob } from './stored-job.js';

/** How long what belongs to a batch that is not sealed is kept. */
export const stagingSeconds = 600;

/** Items that one command or pipeline is about, so that Redis serves others in between. */
const pieceLength = 250;

export interface BatchItem {
  readonly jobId: string;
  readonly name: string;
}

export class BatchStore {
  constructor(private readonly redis: Redis) {}

  /** Opens a batch, with the names of all its items. */
  async open(record: BatchRecord, items: readonly BatchItem[]): Promise<void> {
    const { id } = record;
    const names = items.map(({ jobId, name }) => `${jobId} ${name}`);
    await exec(
      this.redis
        .multi()
        .hset(keys.batch(id), { record: JSON.stringify(record) })
        .expire(keys.batch(id), stagingSeconds)
        .rpush(keys.batchItems(id), ...names.slice(0, pieceLength))
        .expire(keys.batchItems(id), stagingSeconds),
    );
    for (let from = pieceLength; from < names.length; from += pieceLength) {
      await this.redis.rpushx(keys.batchItems(id), ...names.slice(from, from + pieceLength));
    }
  }

  /**
   * Writes the records of items from `index` on, lists them, and keeps them and their staged pictures as long as other jobs. With
   * `notify`, the id of a request, each is put into the outbox when it ends.
   */
  async keepItems(records: readonly JobRecord[], index: number, kept: KeptFor, notify?: string): Promise<void> {
    const images = this.redis.pipeline();
    for (const { id } of records) images.expire(keys.image(id), kept.queueSeconds);
    await Promise.all([keepJobs(this.redis, records, kept, { index, notify }), exec(images)]);
  }

  /** Makes the batch exist for clients: all its `total` items are in their queue. Throws where its keys have expired. */
  async seal(id: string, total: number, ttlSeconds: number, retentionSeconds: number): Promise<void> {
    const retentionMs = retentionSeconds * 1000;
    const words = [total, ttlSeconds * 1000, retentionMs, new Date().toISOString(), id, finishedChannel];
    const sealed = await runScript(this.redis, 'seal-batch', batchKeys(id), ...words);
    if (sealed === 'finished_batch') await expireItems(this.redis, id, retentionMs);
    if (sealed === 'unknown_batch') throw new Error(`batch ${id} expired before it was complete`);
  }

  /** Forgets a batch that was not sealed, with the records and pictures of these jobs. */
  async discard(id: string, jobIds: readonly string[]): Promise<void> {
    for (let from = 0; from < jobIds.length; from += pieceLength) {
      const chunk = jobIds.slice(from, from + pieceLength);
      await this.redis.unlink(...chunk.flatMap((jobId) => [keys.job(jobId), keys.image(jobId)]));
    }
    await this.redis.unlink(...batchKeys(id));
  }

  /** The batch as it stands, sealed or not. */
  async read(id: string): Promise<StoredBatch | undefined> {
    const hash = await this.redis.hgetall(keys.batch(id));
    const { record, total, started_at, finished_at, cancel_asked } = hash;
    if (record === undefined) return undefined;
    const counted = finalStatuses.map((status) => [status, Number(hash[status] ?? 0)] as const);
    return {
      record: batchRecordSchema.parse(JSON.parse(record)),
      total: total === undefined ? undefined : Number(total),
      ended: Object.fromEntries(counted) as StoredBatch['ended'],
      startedAt: started_at,
      finishedAt: finished_at,
      canceled: cancel_asked !== undefined,
    };
  }

  /** Items from index `from`, at most `count`. */
  async items(id: string, from: number, count: number): Promise<BatchItem[]> {
    return (await this.redis.lrange(keys.batchItems(id), from, from + count - 1)).map(parseItem);
  }

  /** The first failed items, by their index. */
  async failed(id: string): Promise<({ readonly index: number } & BatchItem)[]> {
    const listed = await this.redis.lrange(keys.batchErrors(id), 0, -1);
    const indices = listed.map(Number).sort((a, b) => a - b);
    if (indices.length === 0) return [];
    const commands = this.redis.pipeline();
    for (const index of indices) commands.lindex(keys.batchItems(id), index);
    const items = await exec(commands);
    return indices.flatMap((index, at) => {
      const item = items[at];
      return typeof item === 'string' ? [{ index, ...parseItem(item) }] : [];
    });
  }

  /** The jobs of these ids; undefined for each that is no longer kept. */
  async jobs(ids: readonly string[]): Promise<(StoredJob | undefined)[]> {
    return readStoredJobs(this.redis, ids);
  }

  /** Which of these jobs are unfinished items of the batch. */
  async unfinishedAmong(id: string, jobIds: readonly string[]): Promise<Set<string>> {
    if (jobIds.length === 0) return new Set();
    const commands = this.redis.pipeline();
    for (const jobId of jobIds) commands.hget(keys.job(jobId), 'batch').hexists(keys.job(jobId), 'outcome');
    const answers = await exec(commands);
    return new Set(jobIds.filter((_, at) => answers[2 * at] === id && answers[2 * at + 1] === 0));
  }

  /** Notes that its client has canceled the batch. */
  async markCanceled(id: string): Promise<void> {
    await runScript(this.redis, 'cancel-batch', [keys.batch(id)]);
  }

  /** Moves one entry of the outbox aside, waiting up to `seconds` for one; blocks the connection. */
  async takeFromOutbox(seconds: number): Promise<string | undefined> {
    return (await this.redis.blmove(keys.outbox, keys.outboxMoving, 'RIGHT', 'LEFT', seconds)) ?? undefined;
  }

  /** Entries that were taken and not yet delivered, by this process or by one that died. */
  async takenFromOutbox(): Promise<string[]> {
    return this.redis.lrange(keys.outboxMoving, 0, 999);
  }

  async removeFromOutbox(entry: string): Promise<void> {
    await this.redis.lrem(keys.outboxMoving, 1, entry);
  }
}

/** The keys of a batch, beside those of its items. */
export function batchKeys(id: string): [batch: string, items: string, errors: string] {
  return [keys.batch(id), keys.batchItems(id), keys.batchErrors(id)];
}

/**
 * Has the items of a batch that has ended expire with it. Where the process dies meanwhile, the others are kept for as
 * long as the batch might have taken (lua/finish-job-12.lua), which is longer.
 */
export async function expireItems(redis: Redis, id: string, retentionMs: number): Promise<void> {
  for (let from = 0, length = pieceLength; length === pieceLength; from += pieceLength) {
    const items = await redis.lrange(keys.batchItems(id), from, from + pieceLength - 1);
    const commands = redis.pipeline();
    for (const item of items) commands.pexpire(keys.job(parseItem(item).jobId), retentionMs);
    await exec(commands);
    length = items.length;
  }
}

function parseItem(text: string): BatchItem {
  const end = text.indexOf(' ');
  return { jobId: text.slice(0, end), name: text.slice(end + 1) };
}

/** Runs queued commands; their answers, or the first error. */
async function exec(commands: {
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}): Promise<unknown[]> {
  return ((await commands.exec()) ?? []).map(([error, result]) => {
    if (error) throw error;
    return result;
  });
}
