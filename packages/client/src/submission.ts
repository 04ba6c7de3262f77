/**
 * One picture from its submission to its end, in one request where it ends soon enough.
 *
 * A submission is unsent → unanswered (the service may have a job of it, of which this side knows no id) → answered (with
 * its id) → ended. Asking for the answer in the submission itself saves a request for each picture; the price is that one which is
 * given up while it is unanswered has no id to cancel. Its Idempotency-Key has: the same submission, sent again without
 * waiting, is answered with the job that the first one made, and that is canceled.
 */
import { QuintetError } from './errors.js';
import type { Requester } from './http/requester.js';
import type { EncodedImage } from './image.js';
import { jobPath, waitForJob, waitSeconds } from './jobs.js';
import { hasEnded, type Job } from './types.js';

/** How long what was given up is tried to be canceled. */
const cancelSeconds = 4;

export interface SubmissionOptions {
  readonly idempotencyKey: string;
  readonly cache: RequestCaching;
  readonly signal: AbortSignal | undefined;
  readonly onRetry: ((error: QuintetError, delayMs: number) => void) | undefined;
}

export type RequestCaching = 'default' | 'no-cache' | 'no-store';

export class Submission {
  #state: 'unsent' | 'unanswered' | 'answered' | 'ended' = 'unsent';
  #id: string | undefined;

  constructor(
    private readonly requester: Requester,
    private readonly image: EncodedImage,
    private readonly options: SubmissionOptions,
  ) {}

  /** The job as it is once it is accepted; with `wait`, as it ended or as it is after that many seconds. */
  async submit(wait?: number): Promise<Job> {
    const { signal, onRetry } = this.options;
    return this.#post(wait, signal, onRetry);
  }

  /** The job as it ended. */
  async run(): Promise<Job> {
    const { signal, onRetry } = this.options;
    const job = await this.#post(waitSeconds, signal, onRetry);
    if (hasEnded(job)) return job;
    const ended = await waitForJob(this.requester, job.id, signal);
    this.#state = 'ended';
    return ended;
  }

  /** Cancels what there may be of it, within a few seconds; never rejects. */
  async giveUp(): Promise<void> {
    if (this.#state === 'unsent' || this.#state === 'ended') return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      controller.abort();
    }, cancelSeconds * 1000);
    try {
      const id = this.#id ?? (await this.#post(undefined, controller.signal)).id;
      const cancel = { method: 'DELETE', path: jobPath(id), signal: controller.signal } as const;
      await this.requester.json<Job>({ ...cancel, retrySeconds: cancelSeconds });
    } catch {
      // It had ended, or it was refused and there is none; or the service is away, and then nobody can cancel it.
    } finally {
      clearTimeout(timer);
    }
  }

  async #post(
    wait: number | undefined,
    signal: AbortSignal | undefined,
    onRetry?: SubmissionOptions['onRetry'],
  ): Promise<Job> {
    const { idempotencyKey, cache } = this.options;
    this.#state = 'unanswered';
    try {
      const job = await this.requester.json<Job>({
        method: 'POST',
        path: `/v1/jobs${this.image.query}`,
        headers: {
          'content-type': this.image.contentType,
          'idempotency-key': idempotencyKey,
          ...(wait === undefined ? {} : { prefer: `wait=${wait}` }),
          ...(cache === 'default' ? {} : { 'cache-control': cache }),
        },
        body: this.image.body,
        signal,
        onRetry,
        waitSeconds: wait ?? 0,
      });
      this.#id = job.id;
      this.#state = hasEnded(job) ? 'ended' : 'answered';
      return job;
    } catch (error) {
      // What was refused has left nothing behind.
      if (error instanceof QuintetError && error.status !== undefined) this.#state = 'ended';
      throw error;
    }
  }
}
