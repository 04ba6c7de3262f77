/** The service, as an object: a method for each thing it does. */
import { AdaptiveWindow, saturatingConcurrency } from './adaptive-window.js';
import { batchPath, batchResults, submitBatch, waitForBatch, type WaitForBatch } from './batches.js';
import { concurrently } from './concurrently.js';
import { jobError, QuintetError } from './errors.js';
import { platformFetch, type FetchLike } from './http/fetch-like.js';
import { Requester } from './http/requester.js';
import { encodeImage, type ImageInput } from './image.js';
import {
  getJob,
  jobPath,
  listJobs,
  waitForJob,
  watchJob,
  type CallOptions,
  type GetJob,
  type ListJobs,
} from './jobs.js';
import { Submission, type RequestCaching } from './submission.js';
import type { BatchFile } from './tar.js';
import type { Batch, BatchResult, Classified, Job, JobOptions, LabelList, ModelList, Operations } from './types.js';

export interface QuintetOptions {
  /** Where the service is, with the path that a proxy puts before it. `http://localhost:3000` by default. */
  readonly url?: string | URL | undefined;
  /** Where the service asks for one: `qk_…`. A function is asked at each request. */
  readonly apiKey?: string | (() => string | undefined) | undefined;
  /**
   * Called where the service refuses a request for its key, or for the lack of one (401, 403). The request is made
   * again where this resolves to true: `apiKey` gives another key then.
   */
  readonly onDenied?: ((error: QuintetError) => Promise<boolean>) | undefined;
  /** How long a call that fails is tried again, in seconds from its first failure. 60 by default; 0: never. */
  readonly retrySeconds?: number | undefined;
  /** How long a request may take, with its body, beside what it asks the service to wait, in seconds. 60 by default. */
  readonly patienceSeconds?: number | undefined;
  /** The platform's by default. */
  readonly fetch?: FetchLike | undefined;
}

export interface CorrectOptions extends CallOptions {
  /** The number of the class. */
  readonly index?: number | undefined;
}

export interface SubmitOptions extends JobOptions, Pick<CallOptions, 'signal'> {
  /**
   * Submissions with the same key are the same job. One of its own for each call by default, which makes retries safe.
   */
  readonly idempotencyKey?: string | undefined;
  /** `no-cache` has the model run although the answer is known; `no-store` also keeps it to nobody. */
  readonly cache?: RequestCaching | undefined;
  /** Told of each failure after which the call is made again, and in how many milliseconds. */
  readonly onRetry?: ((error: QuintetError, delayMs: number) => void) | undefined;
}

export interface ClassifyAllOptions extends Omit<SubmitOptions, 'idempotencyKey'> {
  /** How many at once; by default as many as keep the service busy. */
  readonly concurrency?: number | AdaptiveWindow | undefined;
  /** Results in the order of the pictures, which is the default, or as they come. */
  readonly ordered?: boolean | undefined;
}

/** What came of one of many pictures. */
export type Outcome<Image = ImageInput> = { readonly index: number; readonly image: Image } & (
  { readonly job: Classified; readonly error?: undefined } | { readonly job?: undefined; readonly error: QuintetError }
);

export class Quintet {
  readonly #requester: Requester;
  readonly #retrySeconds: number;
  readonly #givingUp = new Set<Promise<void>>();

  /** Throws TypeError where `url` is none. */
  constructor({
    url = 'http://localhost:3000',
    apiKey,
    onDenied,
    retrySeconds = 60,
    patienceSeconds = 60,
    fetch = platformFetch,
  }: QuintetOptions = {}) {
    const base = new URL(url);
    if (!/^https?:$/.test(base.protocol)) throw new TypeError(`${base.href} is no http or https address`);
    this.#retrySeconds = retrySeconds;
    this.#requester = new Requester({
      url: `${base.origin}${base.pathname}`.replace(/\/+$/, ''),
      ...{ apiKey, onDenied, fetch, retrySeconds, patienceSeconds },
    });
  }

  /**
   * What is in a picture. Rejects with QuintetError where the job does not succeed; `error.job` is that job. A call
   * that is aborted cancels its job in the background; `settled()` waits for that.
   */
  async classify(image: ImageInput, options: SubmitOptions = {}): Promise<Classified> {
    const submission = await this.#submission(image, options);
    let job: Job;
    try {
      job = await submission.run();
    } catch (error) {
      if (options.signal?.aborted === true) this.#giveUp(submission);
      throw error;
    }
    if (!isClassified(job)) throw jobError(job);
    return job;
  }

  /** A picture into the queue: resolves to its job once that is kept. */
  async submit(image: ImageInput, options: SubmitOptions = {}): Promise<Job> {
    return (await this.#submission(image, options)).submit();
  }

  /**
   * Many pictures, several at once; yields what came of each, failures too. Pictures are taken from `images` as they
   * can be worked on, so that there may be any number; `read` makes a picture of an item, such as the bytes of a path.
   * Leaving the loop cancels what is under way.
   */
  async *classifyAll<Image>(
    images: Iterable<Image> | AsyncIterable<Image>,
    read: (image: Image, signal: AbortSignal) => ImageInput | Promise<ImageInput>,
    options: ClassifyAllOptions = {},
  ): AsyncGenerator<Outcome<Image>, void, undefined> {
    const { concurrency, ordered = true, signal, onRetry, ...rest } = options;
    const window =
      typeof concurrency === 'number'
        ? { size: concurrency }
        : (concurrency ?? new AdaptiveWindow(saturatingConcurrency(await this.models({ signal }), rest.model)));
    const adaptive = window instanceof AdaptiveWindow ? window : undefined;
    const work = async (image: Image, index: number, workSignal: AbortSignal): Promise<Outcome<Image>> => {
      const noteRetry = (error: QuintetError, delayMs: number): void => {
        if (error.status === 429 || error.status === 503) adaptive?.refused();
        onRetry?.(error, delayMs);
      };
      try {
        const input = await read(image, workSignal);
        const job = await this.classify(input, { ...rest, signal: workSignal, onRetry: noteRetry });
        adaptive?.succeeded();
        return { index, image, job };
      } catch (error) {
        workSignal.throwIfAborted();
        if (!(error instanceof QuintetError)) throw error;
        return { index, image, error };
      }
    };
    yield* concurrently(images, work, { window, ordered, signal });
  }

  /** The job as it is; with `wait`, as it ended or as it is after that many seconds. */
  get(id: string, options: GetJob = {}): Promise<Job> {
    return getJob(this.#requester, id, options);
  }

  /** Those of this client's key, or all where the service has no keys: newest first, as long as they are kept. */
  jobs(options: ListJobs = {}): AsyncGenerator<Job, void, undefined> {
    return listJobs(this.#requester, options);
  }

  /** The job as it ended, however it did and however long that takes. */
  wait(id: string, { signal }: Pick<CallOptions, 'signal'> = {}): Promise<Job> {
    return waitForJob(this.#requester, id, signal);
  }

  /** Rejects with `job_finished` where it has ended. */
  cancel(id: string, { signal, retrySeconds }: CallOptions = {}): Promise<Job> {
    return this.#requester.json({ method: 'DELETE', path: jobPath(id), signal, retrySeconds });
  }

  /**
   * Says what its picture really shows: any text, or the name of a class; `index` tells classes of one name apart.
   * Rejects with `job_not_succeeded` where there is no result to correct.
   */
  correct(id: string, label: string, { index, signal, retrySeconds }: CorrectOptions = {}): Promise<Job> {
    const body = JSON.stringify({ label, index });
    const headers = { 'content-type': 'application/json' };
    const path = `${jobPath(id)}/correction`;
    return this.#requester.json({ method: 'PUT', path, headers, body, signal, retrySeconds });
  }

  /** Takes the correction back. */
  uncorrect(id: string, { signal, retrySeconds }: CallOptions = {}): Promise<Job> {
    return this.#requester.json({ method: 'DELETE', path: `${jobPath(id)}/correction`, signal, retrySeconds });
  }

  /** Its states as they change, the present one first and the final one last, over cut connections and restarts. */
  events(
    id: string,
    { signal, retrySeconds = this.#retrySeconds }: CallOptions = {},
  ): AsyncGenerator<Job, void, undefined> {
    return watchJob(this.#requester, id, { signal, retrySeconds });
  }

  /**
   * Files as one batch: uploads them, waits, and yields the results in their order. Leaving the loop, or the signal,
   * cancels what has not ended. Rejects with `batch_canceled` where somebody else did.
   */
  async *batch(
    files: readonly BatchFile[],
    { signal, idempotencyKey, ...options }: SubmitOptions = {},
  ): AsyncGenerator<BatchResult, void, undefined> {
    const { id } = await this.submitBatch(files, { ...options, idempotencyKey, signal });
    let ended = false;
    try {
      const { status } = await this.waitForBatch(id, { signal });
      ended = true;
      if (status === 'canceled') throw new QuintetError('batch_canceled', 'The batch was canceled.');
      yield* this.batchResults(id, { signal });
    } finally {
      if (!ended) this.#inBackground(this.cancelBatch(id));
    }
  }

  submitBatch(files: readonly BatchFile[], options: SubmitOptions = {}): Promise<Batch> {
    const { signal, idempotencyKey = crypto.randomUUID(), cache: _cache, onRetry: _onRetry, ...rest } = options;
    return submitBatch(this.#requester, files, rest, { idempotencyKey, signal });
  }

  getBatch(id: string, { signal, retrySeconds }: CallOptions = {}): Promise<Batch> {
    return this.#requester.json({ path: batchPath(id), signal, retrySeconds });
  }

  waitForBatch(id: string, options: WaitForBatch = {}): Promise<Batch> {
    return waitForBatch(this.#requester, id, options);
  }

  cancelBatch(id: string, { signal, retrySeconds }: CallOptions = {}): Promise<Batch> {
    return this.#requester.json({ method: 'DELETE', path: batchPath(id), signal, retrySeconds });
  }

  batchResults(id: string, { signal }: Pick<CallOptions, 'signal'> = {}): AsyncGenerator<BatchResult, void, undefined> {
    return batchResults(this.#requester, id, { signal, retrySeconds: this.#retrySeconds });
  }

  /** The models, and the live workers of each. */
  models({ signal, retrySeconds }: CallOptions = {}): Promise<ModelList> {
    return this.#requester.json({ path: '/v1/models', signal, retrySeconds });
  }

  /** The classes that a model knows. */
  labels(model: string, { signal, retrySeconds }: CallOptions = {}): Promise<LabelList> {
    return this.#requester.json({ path: `/v1/models/${encodeURIComponent(model)}/labels`, signal, retrySeconds });
  }

  /** What goes on in all of the service; asks for the scope `admin` where there are keys. */
  operations({ signal, retrySeconds }: CallOptions = {}): Promise<Operations> {
    return this.#requester.json({ path: '/v1/operations', signal, retrySeconds });
  }

  /** Where the model looked, of a job that was submitted with `explain`: a PNG over the job's `explanation.region`. */
  explanation(id: string, { signal, retrySeconds }: CallOptions = {}): Promise<Uint8Array> {
    const request = { path: `${jobPath(id)}/explanation.png`, headers: { accept: 'image/png' }, signal, retrySeconds };
    return this.#requester.send(request, async (response) => new Uint8Array(await response.arrayBuffer()));
  }

  /** Resolves when what aborted calls left behind is canceled, or cannot be: within a few seconds. */
  async settled(): Promise<void> {
    while (this.#givingUp.size > 0) await Promise.all(this.#givingUp);
  }

  async #submission(image: ImageInput, options: SubmitOptions): Promise<Submission> {
    const { signal, idempotencyKey = crypto.randomUUID(), cache = 'default', onRetry, ...jobOptions } = options;
    const encoded = await encodeImage(image, jobOptions);
    return new Submission(this.#requester, encoded, { idempotencyKey, cache, signal, onRetry });
  }

  #giveUp(submission: Submission): void {
    this.#inBackground(submission.giveUp());
  }

  #inBackground(work: Promise<unknown>): void {
    const noted = work.then(
      () => undefined,
      () => undefined,
    );
    this.#givingUp.add(noted);
    void noted.then(() => this.#givingUp.delete(noted));
  }
}

function isClassified(job: Job): job is Classified {
  return job.status === 'succeeded' && job.predictions !== undefined;
}
