/** Failures in a row of something that is tried again, as backoff.ts says: a request, a stream that is taken up again. */
import { QuintetError } from '../errors.js';
import { nextDelay } from './backoff.js';

export class Failures {
  #count = 0;
  #firstAt = 0;

  constructor(private readonly retrySeconds: number) {}

  /** It works: what failed before counts no more. */
  clear(): void {
    this.#count = 0;
  }

  /** Milliseconds until the next attempt. Throws `error` where there is to be none. */
  delayAfter(error: QuintetError): number {
    const now = performance.now();
    if (this.#count === 0) this.#firstAt = now;
    this.#count += 1;
    const delay = nextDelay(error, {
      failures: this.#count,
      sinceFirstMs: now - this.#firstAt,
      retrySeconds: this.retrySeconds,
      random: Math.random(),
    });
    if (delay === undefined) throw error;
    return delay;
  }
}

/** Why a stream ended before its end; `detail` where the connection is all that is known of it. */
export function cut(error: unknown, detail: string): QuintetError {
  if (error instanceof QuintetError) return error;
  return new QuintetError('connection_failed', detail, { retryable: true, cause: error });
}
