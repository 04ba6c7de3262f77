/**
 * When a call is made again.
 *
 * What the service asks for in `Retry-After` is waited, and a little more, so that those who were refused together do not come
 * back together. Where it asks for nothing, delays double from a quarter of a second to eight, each drawn between a half
 * and the whole. A call is given up when its next attempt would begin later than `retrySeconds` after its first
 * failure: a time rather than a number of attempts, as what is waited for (a restart, a queue that drains) takes a time.
 */
import type { QuintetError } from '../errors.js';

const firstMs = 250;
const longestMs = 8000;

/**
 * Milliseconds to the next attempt; undefined where there is none. `failures` counts from 1, `sinceFirstMs` is how long ago the
 * first was, `random` is in [0, 1).
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

/** `Retry-After` as seconds from `now` (milliseconds): it holds seconds or a date. Undefined where it holds neither. */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}
