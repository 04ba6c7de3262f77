/**
 * The pictures that are being classified, and everything that can be done with them. The views show its store and call it; it
 * knows nothing of them.
 *
 * What is chosen while a run is under way joins it; after its end it begins another, and what was shown makes room.
 */
import { hasEnded, type Job } from '@quintet/client';
import { mayAskForKey } from '../api/api-key.js';
import { onConnection } from '../api/connection.js';
import { toFailure } from '../api/failure.js';
import { service } from '../api/service.js';
import type { Collected } from './collect.js';
import { Follower } from './follower.js';
import { canRetry, isDone, jobOf, phaseOf, type Item, type Source } from './item.js';
import { recall, remember } from './resume.js';
import { ItemStore } from './store.js';
import { upload, Uploads } from './uploads.js';

/** How long one request waits for the end of a job. */
const waitSeconds = 20;

export interface Settings {
  model: string | undefined;
  explain: boolean;
}

export class Run {
  readonly store = new ItemStore(
    (flush) => void setTimeout(flush, 0),
    () => performance.now(),
  );
  /** For what is chosen from now on. */
  readonly settings: Settings = { model: undefined, explain: false };
  /** Pictures that were lost when the page was loaded again. */
  lost = 0;
  readonly #follower = new Follower({
    poll: (id, signal) => service().get(id, { wait: waitSeconds, signal }),
    events: (id, signal) => service().events(id, { retrySeconds: Infinity, signal }),
    onJob: (item, job) => {
      this.store.update(item, { state: { kind: 'job', job } });
    },
    onFailure: (item, failure) => {
      this.store.update(item, { state: { kind: 'failed', failure } });
    },
  });
  readonly #uploads = new Uploads({
    store: this.store,
    upload,
    onJob: (item, job) => {
      this.#accept(item, job);
    },
  });
  readonly #keys = new Map<string, string>();
  readonly #explaining = new Map<string, AbortController>();

  constructor() {
    onConnection(({ kind }) => {
      if (kind === 'online') this.#uploads.openGate();
    });
    const save = (): void => {
      window.clearTimeout(saving);
      saving = undefined;
      remember(sessionStorage, this.store.all());
    };
    let saving: number | undefined;
    // All of it is written each time: not at each of a thousand results.
    this.store.onChange(() => {
      saving ??= window.setTimeout(save, 500);
    });
    window.addEventListener('pagehide', save);
    window.addEventListener('beforeunload', (event) => {
      if (this.#uploads.pending > 0) event.preventDefault();
    });
  }

  /** Takes up what the page before this one was about. */
  resume(): void {
    const before = recall(sessionStorage);
    if (before === undefined) return;
    this.lost = before.unsent;
    for (const { item: id, name, job, explain } of before.jobs) {
      const source: Source = { kind: 'gone' };
      this.store.add({ id, name, source, explain, state: { kind: 'job', job }, chosenAt: performance.now() });
      this.#follower.add(id, job, before.jobs.length === 1);
    }
  }

  /** Gives a picture of earlier to an item that has none, where `find` has one of its job. */
  restorePreviews(find: (job: string) => Blob | undefined): void {
    for (const item of this.store.all()) {
      if (item.source.kind !== 'gone' || item.preview !== undefined) continue;
      const blob = find(jobOf(item)?.id ?? '');
      if (blob !== undefined) this.store.update(item.id, { preview: URL.createObjectURL(blob) });
    }
  }

  submit({ files, urls }: Pick<Collected, 'files' | 'urls'>): void {
    if (files.length + urls.length === 0) return;
    mayAskForKey();
    if (this.store.all().every(isDone)) this.clear();
    for (const { name, blob } of files) {
      this.#add(name, { kind: 'file', blob }, URL.createObjectURL(blob));
    }
    for (const url of urls) this.#add(nameOf(url), { kind: 'url', url });
  }

  cancel(id: string): void {
    const item = this.store.get(id);
    if (item === undefined || isDone(item)) return;
    const job = jobOf(item);
    this.#uploads.cancel(id);
    this.#follower.forget(id);
    this.store.update(id, { state: { kind: 'canceled' } });
    if (job === undefined) return;
    // It may have ended meanwhile, which is as good; what it came to is not asked for any more.
    void service()
      .cancel(job.id)
      .catch(() => undefined);
  }

  cancelAll(): void {
    for (const { id } of this.store.all().reverse()) this.cancel(id);
  }

  retry(id: string): void {
    const item = this.store.get(id);
    if (item === undefined || !canRetry(item)) return;
    mayAskForKey();
    const begun = { chosenAt: performance.now(), explaining: undefined, answeredIn: undefined };
    this.store.update(id, { state: { kind: 'waiting' }, ...begun });
    this.#uploads.add(item, this.#newKey(id));
  }

  retryFailed(): void {
    for (const item of this.store.all()) if (phaseOf(item) === 'failed') this.retry(item.id);
  }

  /** What was put off is tried now. */
  hurry(): void {
    this.#uploads.openGate();
  }

  /** Shows nothing any more; what is under way is canceled. */
  clear(): void {
    this.cancelAll();
    this.lost = 0;
    for (const { id, preview } of this.store.all()) {
      if (preview?.startsWith('blob:') === true) URL.revokeObjectURL(preview);
      this.#explaining.get(id)?.abort();
      this.store.remove(id);
    }
  }

  /** Somebody looks at this one, or at none. */
  look(id: string | undefined): void {
    for (const item of this.store.all()) if (item.id !== id) this.#follower.unwatch(item.id);
    if (id !== undefined) this.#follower.watch(id);
  }

  /** Asks where the network looked. What is shown stays until the answer is here. */
  async explain(id: string): Promise<void> {
    const item = this.store.get(id);
    if (item === undefined || item.source.kind === 'gone' || item.explaining === 'busy') return;
    const { source, model } = item;
    const stop = new AbortController();
    this.#explaining.set(id, stop);
    this.store.update(id, { explaining: 'busy' });
    const began = performance.now();
    try {
      const submission = { source, model, explain: true, idempotencyKey: randomId() };
      const { signal } = stop;
      const accepted = await upload(submission, { signal });
      const job = hasEnded(accepted) ? accepted : await service().wait(accepted.id, { signal });
      if (job.status === 'succeeded') {
        const answeredIn = (performance.now() - began) / 1000;
        this.store.update(id, { state: { kind: 'job', job }, explain: true, explaining: undefined, answeredIn });
      } else this.store.update(id, { explaining: job.error ?? toFailure(new Error('The job did not succeed.')) });
    } catch (error) {
      if (!stop.signal.aborted) this.store.update(id, { explaining: toFailure(error) });
    }
  }

  #add(name: string, source: Source, preview?: string): void {
    const { model, explain } = this.settings;
    const item: Item = {
      id: randomId(),
      name,
      source,
      explain,
      ...(preview === undefined ? {} : { preview }),
      ...(model === undefined ? {} : { model }),
      state: { kind: 'waiting' },
      chosenAt: performance.now(),
    };
    this.store.add(item);
    this.#uploads.add(item, this.#newKey(item.id));
  }

  #accept(id: string, job: Job): void {
    this.store.update(id, { state: { kind: 'job', job } });
    this.#follower.add(id, job, this.store.size === 1);
  }

  #newKey(id: string): string {
    const key = randomId();
    this.#keys.set(id, key);
    return key;
  }
}

/** 128 random bits. Not crypto.randomUUID: a page that came without TLS from another machine has none. */
function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The last part of an address's path that says something, else its host. */
function nameOf(url: string): string {
  const { pathname, host } = new URL(url);
  return decodeURIComponent(pathname.split('/').findLast((part) => part !== '') ?? host);
}
