/**
 * Sends pictures, a few at once.
 *
 * Browsers open six connections to a host (HTTP/1.1). Three are for uploads: enough to keep a queue filled, since a submission
 * is answered in milliseconds, while the picture waits its turn in the queue and not on a connection. One is for the results
 * (follower.ts), one for the events of the picture that is looked at, one is left for everything else.
 *
 * A refusal that may pass (full, restarting, unreachable) closes one gate for all: what was refused goes back to the head of
 * the line with its key, so that it can become one job only, and is tried alone when the gate opens; when it gets through, so do
 * the others. Invariant: an item is in the line, in flight, or not here; `cancel` removes it from wherever it is.
 */
import { sleep, type Job } from '@quintet/client';
import { retryDelay, toFailure } from '../api/failure.js';
import { uploader } from '../api/service.js';
import type { Item, Source } from './item.js';
import type { ItemStore } from './store.js';

export interface Submission {
  readonly source: Exclude<Source, { readonly kind: 'gone' }>;
  readonly model?: string | undefined;
  readonly explain: boolean;
  /** The same for every attempt: however often it is sent, one job is made. */
  readonly idempotencyKey: string;
}

export interface UploadOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (fraction: number) => void;
}

/** Sends a picture once; resolves to the accepted job. Throws QuintetError, or what `signal` was aborted with. */
export function upload(
  { source, model, explain, idempotencyKey }: Submission,
  { signal, onProgress }: UploadOptions,
): Promise<Job> {
  const image = source.kind === 'file' ? source.blob : new URL(source.url);
  const options = { model, explain: explain || undefined, idempotencyKey, signal };
  return uploader(onProgress).submit(image, options);
}

export interface UploadsOptions {
  readonly store: ItemStore;
  readonly upload: (submission: Submission, options: UploadOptions) => Promise<Job>;
  /** Told of every job that was accepted. */
  readonly onJob: (item: string, job: Job) => void;
  readonly most?: number;
  readonly now?: () => number;
}

interface Entry {
  readonly id: string;
  readonly submission: Submission;
  readonly stop: AbortController;
  attempts: number;
}

export class Uploads {
  readonly #line: Entry[] = [];
  readonly #known = new Map<string, Entry>();
  readonly #most: number;
  readonly #now: () => number;
  #inFlight = 0;
  /** While the gate is closed: its opening. */
  #gate: AbortController | undefined;
  /** One at a time, until one has got through. */
  #careful = false;

  constructor(private readonly options: UploadsOptions) {
    this.#most = options.most ?? 3;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Sends `item` when its turn comes. `idempotencyKey` is kept for every attempt. */
  add({ id, source, model, explain }: Item, idempotencyKey: string): void {
    if (source.kind === 'gone') return;
    const submission = { source, model, explain, idempotencyKey };
    const entry: Entry = { id, submission, stop: new AbortController(), attempts: 0 };
    this.#known.set(id, entry);
    this.#line.push(entry);
    this.#pump();
  }

  /** Whether it was still here. */
  cancel(id: string): boolean {
    const entry = this.#known.get(id);
    if (entry === undefined) return false;
    this.#known.delete(id);
    const index = this.#line.indexOf(entry);
    if (index >= 0) this.#line.splice(index, 1);
    entry.stop.abort();
    if (this.#known.size === 0) this.openGate();
    return true;
  }

  /** Does not wait any longer: the person says so, or the service is back. */
  openGate(): void {
    this.#gate?.abort();
  }

  get pending(): number {
    return this.#known.size;
  }

  #pump(): void {
    while (this.#gate === undefined && this.#inFlight < (this.#careful ? 1 : this.#most)) {
      const entry = this.#line.shift();
      if (entry === undefined) return;
      this.#inFlight += 1;
      void this.#send(entry).finally(() => {
        this.#inFlight -= 1;
        this.#pump();
      });
    }
  }

  async #send(entry: Entry): Promise<void> {
    const { id, submission, stop } = entry;
    const { store, upload, onJob } = this.options;
    store.update(id, { state: { kind: 'uploading', fraction: 0 } });
    try {
      const job = await upload(submission, {
        signal: stop.signal,
        onProgress: (fraction) => {
          if (!stop.signal.aborted) store.update(id, { state: { kind: 'uploading', fraction } });
        },
      });
      this.#careful = false;
      this.#known.delete(id);
      onJob(id, job);
    } catch (error) {
      if (stop.signal.aborted) return;
      entry.attempts += 1;
      const seconds = retryDelay(error, entry.attempts);
      if (seconds === undefined) {
        this.#careful = false;
        this.#known.delete(id);
        store.update(id, { state: { kind: 'failed', failure: toFailure(error) } });
        return;
      }
      const until = this.#now() + seconds * 1000;
      store.update(id, { state: { kind: 'pausing', until, failure: toFailure(error) } });
      this.#line.unshift(entry);
      void this.#closeGate(seconds * 1000);
    }
  }

  async #closeGate(ms: number): Promise<void> {
    if (this.#gate !== undefined) return;
    const gate = new AbortController();
    this.#gate = gate;
    this.#careful = true;
    await sleep(ms, gate.signal).catch(() => undefined);
    this.#gate = undefined;
    this.#pump();
  }
}
