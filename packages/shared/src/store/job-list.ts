/**
 * The jobs of a client, newest first, a page at a time: beside the jobs' records (job-store.ts) there is for each owner
 *
 *   {quintet}:jobs:of:<owner>   stream: the id of each job, in the order in which Redis took them (without owners: {quintet}:jobs)
 *
 * States of an entry: absent → listed, in the step that writes the job's record → left over (the record has expired, or was
 * discarded) → absent: a later submission finds it among the oldest.
 * Invariants: a kept job is listed, unless a million newer ones of its owner are. A place never moves: what is added comes before
 * it, and what expires leaves the places of the others as they are. Reading writes nothing; it passes over entries that are left over.
 * Trade-off: a stream takes 55 bytes a job, a third of what a sorted set does, but cannot be ordered anew: a page is by
 * acceptance, not by end. Nobody is told when a record expires, so submissions look for entries that are left over, and clear out up to two
 * for each new one. Where the oldest jobs are kept for long and later ones are not, about as many may be left over as are kept.
 */
import type { Redis } from 'ioredis';
import type { JobRecord } from '../job.js';
import { keys } from '../queues.js';
import { runScript } from './scripts.js';
import { readStoredJobs, type StoredJob } from './stored-job.js';

/** So many entries are looked at to clear out: twice as many as come in between (lua/include/list-job.lua). */
const clearLook = 32;
const goldenRatio = 0.6180339887498949;

export interface KeptFor {
  /** How long a job that has not ended is kept. */
  readonly queueSeconds: number;
  /** How long it is kept after its end. */
  readonly resultSeconds: number;
}

/** Of items of a batch: the place of the first in it, and the request that is told of their ends, where one is. */
export interface AsItems {
  readonly index: number;
  readonly notify?: string | undefined;
}

/** Writes the records of new jobs of one owner, with their deadlines, and lists them, in one step. */
export async function keepJobs(
  redis: Redis,
  records: readonly JobRecord[],
  { queueSeconds, resultSeconds }: KeptFor,
  items?: AsItems,
): Promise<void> {
  const words = records.flatMap((record, offset) => [
    record.id,
    JSON.stringify(record),
    record.deadline_ms ?? '',
    ...(items === undefined ? [] : [record.batch ?? '', items.index + offset, items.notify ?? '']),
  ]);
  const list = keys.jobs(records[0]?.owner);
  const names = [list, keys.deadlines, ...records.map(({ id }) => keys.job(id))];
  const lifeMs = (queueSeconds + resultSeconds) * 1000;
  const due = await runScript(redis, 'keep-jobs', names, queueSeconds * 1000, lifeMs, ...words);
  if (due === 1) clearOut(redis, list);
}

/** Begins to clear out a list. Nobody waits for it: what fails, a later job does. */
export function clearOut(redis: Redis, list: string): void {
  removeLeftOver(redis, list).catch(() => undefined);
}

/**
 * Looks at the oldest entry; where its job is kept, at one at some time between the oldest and the newest, which the
 * fraction of a multiple of the golden ratio spreads evenly. Where one is left over, those after it are looked at too.
 */
async function removeLeftOver(redis: Redis, list: string): Promise<void> {
  const leftOver = async (from: string, count: number): Promise<string[]> => {
    const entries = await redis.xrange(list, from, '+', 'COUNT', count);
    const kept = await Promise.all(entries.map(([, [, id = '']]) => redis.exists(keys.job(id))));
    return entries.flatMap(([place], at) => (kept[at] === 0 ? [place] : []));
  };
  const ends = await Promise.all([
    redis.xrange(list, '-', '+', 'COUNT', 1),
    redis.xrevrange(list, '+', '-', 'COUNT', 1),
  ]);
  const [first = 0, last = 0] = ends.map(([entry]) => Number.parseInt(entry?.[0] ?? '0'));
  const between = first + Math.floor((last - first) * ((last * goldenRatio) % 1));
  for (const from of ['-', String(between)]) {
    if ((await leftOver(from, 1)).length === 0) continue;
    await redis.xdel(list, ...(await leftOver(from, clearLook)));
    return;
  }
}

/** An entry of a list; `stored` is undefined where there is no job to show. */
export interface ListedJob {
  /** As Redis names it: `<ms>-<number>`. */
  readonly place: string;
  readonly stored: StoredJob | undefined;
}

const placePattern = /^\d{1,15}-\d{1,15}$/;

/** Opaque to clients: the format may change. */
export function writeJobCursor(place: string): string {
  return Buffer.from(place).toString('base64url');
}

/** Undefined where it is none that `writeJobCursor` has made. */
export function readJobCursor(text: string): string | undefined {
  const place = Buffer.from(text, 'base64url').toString();
  return placePattern.test(place) && writeJobCursor(place) === text ? place : undefined;
}

export class JobList {
  constructor(private readonly redis: Redis) {}

  /**
   * Up to `count` entries of `owner`, newest first: the newest there are, or those behind a place; fewer only at the end. An item of
   * a batch is there once its batch is: what was answered to nobody is not shown.
   */
  async read(owner: string | undefined, after: string | undefined, count: number): Promise<ListedJob[]> {
    const from = after === undefined ? '+' : `(${after}`;
    const entries = await this.redis.xrevrange(keys.jobs(owner), from, '-', 'COUNT', count);
    const stored = await readStoredJobs(
      this.redis,
      entries.map(([, [, id = '']]) => id),
    );
    const hidden = await this.#unsealed(stored);
    return entries.map(([place], at) => {
      const job = stored[at];
      const batch = job?.record.batch;
      return { place, stored: batch !== undefined && hidden.has(batch) ? undefined : job };
    });
  }

  /** Of the batches of these jobs, those that do not exist for clients. */
  async #unsealed(jobs: readonly (StoredJob | undefined)[]): Promise<ReadonlySet<string>> {
    const batches = [...new Set(jobs.flatMap((job) => job?.record.batch ?? []))];
    const sealed = await Promise.all(batches.map((id) => this.redis.hexists(keys.batch(id), 'total')));
    return new Set(batches.filter((_, at) => sealed[at] === 0));
  }
}
