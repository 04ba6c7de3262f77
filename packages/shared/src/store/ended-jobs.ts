/**
 * Which jobs ended in the last minute, how, and how long they took: a string for each second of Redis' clock,
 *
 *   {quintet}:ended:<Unix second>   of every job that ended in it nine characters (`endedRecord`)
 *
 * which expires by itself. It is written by the scripts that write a job's outcome (job-store.ts), whoever runs them, so each
 * job is counted in the step that decides its end: once, also where its worker dies the moment after or its client cancels it,
 * and no process has a count that could be lost with it.
 * Who reads puts the jobs into histograms (latency-histogram.ts): percentiles are of all jobs, whichever worker ran them.
 * Trade-off: what is kept and read grows with the jobs, 0.5 MB for a minute of 1000 a second. A hash of counters for each
 * second would not; but five HINCRBYs cost the script, which every job runs, 8 µs of Redis and five lines of the append-only
 * file, and one APPEND costs 1 µs and one.
 */
import type { Redis } from 'ioredis';
import { finalStatuses, type FinalStatus, type Outcome } from '../job.js';
import { latencyBucket, LatencyHistogram } from '../latency-histogram.js';
import { latencyPhases, operationsPointSeconds, operationsWindowSeconds, type LatencyPhase } from '../operations.js';
import { keys } from '../queues.js';

/** Longer than the window: whoever reads may be late. */
const keptSeconds = 90;

/** Lua that counts a job that ends. In: ended (what `endedRecord` makes of its outcome). */
export const countEnded = `
  local second = '${keys.ended}' .. redis.call('TIME')[1]
  if redis.call('APPEND', second, ended) == #ended then redis.call('EXPIRE', second, ${keptSeconds}) end
`;

// KEYS: none, as they are of the time that the script finds. ARGV: how many whole seconds to read; the newest, in which jobs
// still end, is not among them.
const readScript = `
local now = tonumber(redis.call('TIME')[1])
local seconds = {}
for second = now - ARGV[1], now - 1 do seconds[#seconds + 1] = string.format('${keys.ended}%d', second) end
return { now, redis.call('MGET', unpack(seconds)) }
`;

const absent = '--';
const recordLength = 1 + latencyPhases.length * absent.length;
/** Characters are printable from here on. */
const zero = '0'.charCodeAt(0);
const digit = 32;

/**
 * How a job ended, and the bucket of each phase. A job that was given another's answer has none, not even of its total: the
 * percentiles of all phases are of the same jobs, so that no part can look longer than the whole.
 */
export function endedRecord({ status, timing_ms: timing, cache }: Outcome): string {
  const buckets = latencyPhases.map((phase) => {
    if (timing === undefined || cache !== undefined) return absent;
    const bucket = latencyBucket(timing[phase]);
    return String.fromCharCode(zero + Math.floor(bucket / digit), zero + (bucket % digit));
  });
  return [finalStatuses.indexOf(status), ...buckets].join('');
}

interface ScriptedRedis extends Redis {
  quintetReadEnded(seconds: number): Promise<[now: number, seconds: (string | null)[]]>;
}

export type EndedCounts = Record<FinalStatus, number>;

/** The jobs that ended within the window. */
export interface EndedJobs {
  /** Its end. */
  readonly at: Date;
  readonly counts: Readonly<EndedCounts>;
  /** The same in steps of `operationsPointSeconds`, oldest first; `at` is when a step began. */
  readonly history: readonly { readonly at: Date; readonly counts: Readonly<EndedCounts> }[];
  readonly latencies: Readonly<Record<LatencyPhase, LatencyHistogram>>;
}

export class EndedJobsLog {
  readonly #redis: ScriptedRedis;

  constructor(redis: Redis) {
    redis.defineCommand('quintetReadEnded', { numberOfKeys: 0, lua: readScript });
    this.#redis = redis as ScriptedRedis;
  }

  /** The last whole `operationsWindowSeconds`, on the clock of Redis. */
  async read(): Promise<EndedJobs> {
    const [now, seconds] = await this.#redis.quintetReadEnded(operationsWindowSeconds);
    return addUp(now, seconds);
  }
}

/** Adds up the records of the seconds before `now` (Unix seconds), oldest first. */
export function addUp(now: number, seconds: readonly (string | null)[]): EndedJobs {
  const counts = noCounts();
  const latencies = {
    total: new LatencyHistogram(),
    queue: new LatencyHistogram(),
    preprocess: new LatencyHistogram(),
    inference: new LatencyHistogram(),
  } satisfies Record<LatencyPhase, LatencyHistogram>;
  const history = Array.from({ length: Math.ceil(seconds.length / operationsPointSeconds) }, (_, point) => ({
    at: new Date((now - seconds.length + point * operationsPointSeconds) * 1000),
    counts: noCounts(),
  }));
  for (const [index, records] of seconds.entries()) {
    if (records === null) continue;
    const point = history[Math.floor(index / operationsPointSeconds)]?.counts ?? noCounts();
    for (let at = 0; at < records.length; at += recordLength) {
      const status = finalStatuses[records.charCodeAt(at) - zero];
      if (status === undefined) continue;
      counts[status] += 1;
      point[status] += 1;
      for (const [place, phase] of latencyPhases.entries()) {
        const from = at + 1 + place * absent.length;
        // Of what is absent, the number is negative.
        latencies[phase].add((records.charCodeAt(from) - zero) * digit + records.charCodeAt(from + 1) - zero);
      }
    }
  }
  return { at: new Date(now * 1000), counts, history, latencies };
}

const noCounts = (): EndedCounts => ({ succeeded: 0, failed: 0, canceled: 0, expired: 0 });
