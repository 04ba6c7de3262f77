/**
 * Which jobs ended in the last minute, how, and how long they took: two strings in turn, for the even minutes of Redis'
 * clock and the odd ones,
 *
 *   {quintet}:ended:<even | odd>   of every job that ended in it ten characters: the second, and `endedRecord`
 *
 * which expire by themselves when their turn comes again. They are written by the scripts that write a job's outcome,
 * whoever runs them, so each job is counted in the step that decides its end: once, also where its worker dies the
 * moment after or its client cancels it, and no process has a count that could be lost with it. Who reads puts the jobs
 * into histograms (latency-histogram.ts): percentiles are of all jobs, whichever worker ran them.
 * Trade-off: what is kept and read grows with the jobs, 1 MB for two minutes of 1000 a second. A hash of counters for
 * each second would not; but five HINCRBYs cost the script, which every job runs, 8 µs of Redis and five lines of the
 * append-only file, and one APPEND costs 1 µs and one.
 */
import type { Redis } from 'ioredis';
import { finalStatuses, type FinalStatus, type Outcome } from '../job.js';
import { latencyBucket, LatencyHistogram } from '../latency-histogram.js';
import { latencyPhases, operationsPointSeconds, operationsWindowSeconds, type LatencyPhase } from '../operations.js';
import { keys } from '../queues.js';
import { runScript } from './scripts.js';

/** In seconds: what a string is of. */
const minute = 60;

const absent = '--';
const recordLength = 1 + 1 + latencyPhases.length * absent.length;
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
  constructor(private readonly redis: Redis) {}

  /** The last whole `operationsWindowSeconds`, on the clock of Redis. */
  async read(): Promise<EndedJobs> {
    const [now, ...minutes] = await runScript(this.redis, 'read-ended', keys.ended);
    return addUp(now, minutes);
  }
}

/**
 * Adds up the records of the whole seconds before `now` (Unix seconds): `minutes` are the string of the even ones, and
 * that of the odd ones. In the second `now` jobs still end, so it is not among them.
 */
export function addUp(now: number, minutes: readonly (string | null)[]): EndedJobs {
  const counts = noCounts();
  const latencies = {
    total: new LatencyHistogram(),
    queue: new LatencyHistogram(),
    preprocess: new LatencyHistogram(),
    inference: new LatencyHistogram(),
  } satisfies Record<LatencyPhase, LatencyHistogram>;
  const begin = now - operationsWindowSeconds;
  const history = Array.from({ length: operationsWindowSeconds / operationsPointSeconds }, (_, point) => ({
    at: new Date((begin + point * operationsPointSeconds) * 1000),
    counts: noCounts(),
  }));
  const current = Math.floor(now / minute);
  for (const [turn, records] of minutes.entries()) {
    const began = minute * (current % 2 === turn ? current : current - 1);
    for (let at = 0; at + recordLength <= (records?.length ?? 0); at += recordLength) {
      const code = (index: number): number => (records ?? '').charCodeAt(at + index) - zero;
      const second = began + code(0) - begin;
      const point = history[Math.floor(second / operationsPointSeconds)];
      const status = finalStatuses[code(1)];
      if (point === undefined || status === undefined) continue;
      counts[status] += 1;
      point.counts[status] += 1;
      for (const [place, phase] of latencyPhases.entries()) {
        const from = 2 + place * absent.length;
        // Of what is absent, the number is negative.
        latencies[phase].add(code(from) * digit + code(from + 1));
      }
    }
  }
  return { at: new Date(now * 1000), counts, history, latencies };
}

const noCounts = (): EndedCounts => ({ succeeded: 0, failed: 0, canceled: 0, expired: 0 });
