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
import { keyPrefix, keys } from '../queues.js';
import { readStoredJobs, type StoredJob } from './stored-job.js';

/** Of each owner, so many jobs are listed: 55 MB. Older ones can still be read by their id. */
export const mostListedJobs = 1_000_000;

/** Of so many new entries, one looks for old ones whose jobs are gone; it clears out of twice as many. */
const clearEach = 16;
const clearLook = 2 * clearEach;

/** The list lives at least as long as what it lists; its end is moved once a minute at most. */
const lifeMarginMs = 60_000;

/**
 * Lua that ends the adding of jobs to a list: gives the list its life and clears out. It looks at the oldest entry; where that is
 * kept, at one at some time between the oldest and the newest, which the fraction of a multiple of the golden ratio spreads evenly. Where one is left
 * over, those after it are looked at too. In: list (its key), life (ms), added (how many), newest (the place of the last). Every key of the
 * service is in the slot of the list.
 */
const tendList = `
if redis.call('PTTL', list) < tonumber(life) then redis.call('PEXPIRE', list, life + ${lifeMarginMs}) end
if redis.call('XLEN', list) % ${clearEach} < added then
  local isGone = function(entry) return redis.call('EXISTS', '${keyPrefix}:job:' .. entry[2][2]) == 0 end
  local look = function(from, count) return redis.call('XRANGE', list, from, '+', 'COUNT', count) end
  local from, oldest = '-', look('-', 1)[1]
  if not isGone(oldest) then
    local first, last = tonumber(string.match(oldest[1], '^%d+')), tonumber(string.match(newest, '^%d+'))
    from = string.format('%.0f', first + math.floor((last - first) * (last * 0.6180339887498949 % 1)))
    if not isGone(look(from, 1)[1]) then from = nil end
  end
  if from then
    local gone = {}
    for _, entry in ipairs(look(from, ${clearLook})) do
      if isGone(entry) then gone[#gone + 1] = entry[1] end
    end
    redis.call('XDEL', list, unpack(gone))
  end
end
`;

const add = `redis.call('XADD', list, 'MAXLEN', '~', ${mostListedJobs}, '*', 'id', id)`;

/** Lua that lists one job. In: list, life, id. */
export const listJob = `
local added, newest = 1, ${add}
${tendList}
`;

// KEYS: list, deadlines, jobs…. ARGV: life of the records and of the list in ms, and of each job: id, record, deadline or '',
// and of an item of a batch: batch, index, the request to notify of its end or ''.
const keepJobsScript = `
local list, life, added, newest = KEYS[1], ARGV[2], #KEYS - 2, nil
local words = (#ARGV - 2) / added
for job = 1, added do
  local id, record, deadline, batch, index, notify = unpack(ARGV, 3 + (job - 1) * words, 2 + job * words)
  local key = KEYS[2 + job]
  redis.call('HSET', key, 'record', record)
  if batch then redis.call('HSET', key, 'batch', batch, 'index', index) end
  if notify and notify ~= '' then redis.call('HSET', key, 'notify', notify) end
  redis.call('PEXPIRE', key, ARGV[1])
  if deadline ~= '' then redis.call('ZADD', KEYS[2], deadline, id) end
  newest = ${add}
end
${tendList}
`;

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

export interface JobKeeper extends Redis {
  quintetKeepJobs(keyCount: number, ...words: (string | number)[]): Promise<null>;
}

export function withJobKeeper(redis: Redis): JobKeeper {
  redis.defineCommand('quintetKeepJobs', { lua: keepJobsScript });
  return redis as JobKeeper;
}

/** Writes the records of new jobs of one owner, with their deadlines, and lists them, in one step. */
export async function keepJobs(
  redis: JobKeeper,
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
  const names = [keys.jobs(records[0]?.owner), keys.deadlines, ...records.map(({ id }) => keys.job(id))];
  const lifeMs = (queueSeconds + resultSeconds) * 1000;
  await redis.quintetKeepJobs(names.length, ...names, queueSeconds * 1000, lifeMs, ...words);
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
