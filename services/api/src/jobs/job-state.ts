/** A state of a job as watchers are told it, and what is kept of a job that somebody watches (job-events.ts). */
import { isFinal, type Job, type JobRecord } from '@quintet/shared';

export interface JobState {
  readonly job: Job;
  /** Says the state: `queued-<position>[-<eta>]`, `processing`, or how it ended. */
  readonly token: string;
  readonly final: boolean;
}

export function stateOf(job: Job): JobState {
  const { status, queue } = job;
  const place =
    queue === undefined ? [] : [queue.position, ...(queue.eta_seconds === undefined ? [] : [queue.eta_seconds])];
  return { job, token: [status, ...place].join('-'), final: isFinal(status) };
}

/** Undefined: the job's record is gone, and nothing more will be told. */
export type Listener = (state: JobState | undefined) => void;

export interface Watched {
  readonly id: string;
  readonly ready: Promise<void>;
  readonly listeners: Set<Listener>;
  holders: number;
  record?: JobRecord;
  state?: JobState;
  ended: boolean;
  /** News that came before the record was read. */
  early?: (record: JobRecord) => Job;
  /** When the last news came, on the clock of performance.now(). */
  newsAt: number;
  /** Not where it should be: to be read. */
  unsure: boolean;
  deadline?: NodeJS.Timeout;
}

export const jobsPerTurn = 100;

/** Each listener writes to a socket, which takes some 20 µs: thousands at once would hold the event loop. */
export function tellInTurns(watched: Watched, listeners: readonly Listener[], from = 0): void {
  for (const listener of listeners.slice(from, from + jobsPerTurn)) {
    if (watched.state !== undefined && watched.listeners.has(listener)) listener(watched.state);
  }
  const next = from + jobsPerTurn;
  if (next < listeners.length) {
    setImmediate(() => {
      tellInTurns(watched, listeners, next);
    });
  }
}
