/**
 * When a call is made again.
 *
 * What the service asks for in `Retry-After` is waited, and a little more, so that those who were refused together do
 * not come back together. Where it asks for nothing, delays double from a quarter of a second to eight, each drawn
 * between a half and the whole. A call is given up when its next attempt would begin later than `retrySeconds` after
 * its first failure: a time rather than a number of attempts, as what is waited for (a restart, a queue that drains)
 * takes a time.
 */
import { QuintetError } from '../errors.js';

const firstMs = 250;
const longestMs = 8000;

/**
 * Milliseconds to the next attempt; undefined where there is none. `failures` counts from 1, `sinceFirstMs` is how long
 * ago the first was, `random` is in [0, 1).
 */
export function nextDelay(
  error: QuintetError,
  { failures, sinceFirstMs, retrySeconds, random }: Attempts,
): number | undefined {
  if (!error.retryable) return undefined;
  const asked = error.retryAfter;
  const delay =
    asked === undefined
      ? Math.min(longestMs, firstMs * 2 ** (failures - 1)) * (0.5 + random / 2)
      : asked * 1000 + random * Math.min(1000, 100 + asked * 100);
  return sinceFirstMs + delay > retrySeconds * 1000 ? undefined : delay;
}

export interface Attempts {
  readonly failures: number;
  readonly sinceFirstMs: number;
  readonly retrySeconds: number;
  readonly random: number;
}

/** Failures in a row of something that is tried again: a request, a stream that is taken up again. */
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

/** The forms of a date that RFC 9110 (section 5.6.7) has recipients read; the last is in UTC and does not say so. */
const httpDate = /^[A-Z][a-z]+, \d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} [\d:]{8} GMT$/;
const ascTime = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}$/;

/**
 * `Retry-After` as seconds from `now` (milliseconds): whole seconds, or a date (RFC 9110, section 10.2.3). Undefined
 * where it holds neither: `Date.parse` alone takes `1.5` for a day in 2001, which is no time to wait at all.
 */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text);
  const date = httpDate.test(text) ? Date.parse(text) : ascTime.test(text) ? Date.parse(`${text} GMT`) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}
