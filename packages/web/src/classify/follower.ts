/**
 * Brings the results of the jobs that were accepted.
 *
 * The job that somebody looks at is told by its event stream: each place in the queue as it changes. All others share one long
 * poll (`Prefer: wait`), on the oldest that has not ended: queues are served in order, so when it has ended, those after it have
 * or soon will, and each of them is answered at once. So a folder of a thousand costs two connections and no timer.
 * Invariant: every job that is followed is watched, in the line, or the one that is polled, until it has ended or is forgotten.
 */
import { hasEnded, sleep, type Job } from '@quintet/client';
import { retryDelay, toFailure } from '../api/failure.js';
import type { Failure } from '../api/problem-words.js';

export interface FollowerOptions {
  /** The job as it is, or as soon as it has ended. */
  readonly poll: (id: string, signal: AbortSignal) => Promise<Job>;
  /** Its states as they change. */
  readonly events: (id: string, signal: AbortSignal) => AsyncIterable<Job>;
  readonly onJob: (item: string, job: Job) => void;
  /** The job cannot be followed: it is gone, or this key may not see it. */
  readonly onFailure: (item: string, failure: Failure) => void;
}

interface Followed {
  readonly item: string;
  job: Job;
  stream?: AbortController;
}

export class Follower {
  readonly #all = new Map<string, Followed>();
  #polling: { readonly item: string; readonly stop: AbortController } | undefined;

  constructor(private readonly options: FollowerOptions) {}

  /** Follows the job of `item` to its end. `watch`: by events. */
  add(item: string, job: Job, watch: boolean): void {
    if (hasEnded(job)) return;
    this.forget(item);
    this.#all.set(item, { item, job });
    if (watch) this.watch(item);
    else void this.#poll();
  }

  /** Somebody looks at it now. */
  watch(item: string): void {
    const followed = this.#all.get(item);
    if (followed === undefined || followed.stream !== undefined) return;
    followed.stream = new AbortController();
    void this.#stream(followed, followed.stream);
  }

  /** Nobody does any more. */
  unwatch(item: string): void {
    const followed = this.#all.get(item);
    if (followed?.stream === undefined) return;
    followed.stream.abort();
    delete followed.stream;
    void this.#poll();
  }

  forget(item: string): void {
    this.#all.get(item)?.stream?.abort();
    this.#all.delete(item);
    if (this.#polling?.item === item) this.#polling.stop.abort();
  }

  async #stream(followed: Followed, stop: AbortController): Promise<void> {
    try {
      for await (const job of this.options.events(followed.job.id, stop.signal)) {
        if (this.#tell(followed, job)) return;
      }
      // It ended without the end: its record has gone meanwhile. Asking for the job says so.
      if (this.#all.get(followed.item) === followed) {
        delete followed.stream;
        void this.#poll();
      }
    } catch (error) {
      if (!stop.signal.aborted) this.#fail(followed, error);
    }
  }

  async #poll(): Promise<void> {
    if (this.#polling !== undefined) return;
    let failures = 0;
    for (;;) {
      const next = [...this.#all.values()].find(({ stream }) => stream === undefined);
      if (next === undefined) return;
      const stop = new AbortController();
      this.#polling = { item: next.item, stop };
      try {
        const job = await this.options.poll(next.job.id, stop.signal);
        failures = 0;
        this.#tell(next, job);
      } catch (error) {
        if (!stop.signal.aborted) await this.#endure(next, error, ++failures);
      } finally {
        this.#polling = undefined;
      }
    }
  }

  /** Waits where the failure may pass; else this job is given up. */
  async #endure(followed: Followed, error: unknown, failures: number): Promise<void> {
    // To ask again costs nothing: it is given up only where the service says no.
    const seconds = retryDelay(error, Math.min(failures, 5));
    if (seconds === undefined) this.#fail(followed, error);
    else await sleep(seconds * 1000);
  }

  /** Whether that was its end. */
  #tell(followed: Followed, job: Job): boolean {
    if (this.#all.get(followed.item) !== followed) return true;
    followed.job = job;
    if (hasEnded(job)) this.#all.delete(followed.item);
    this.options.onJob(followed.item, job);
    return hasEnded(job);
  }

  #fail(followed: Followed, error: unknown): void {
    if (this.#all.get(followed.item) !== followed) return;
    this.#all.delete(followed.item);
    this.options.onFailure(followed.item, toFailure(error));
  }
}
