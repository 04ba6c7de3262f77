/**
 * When a failed fetch is tried again: after half a second, then after two, and not before the server asked to. A server that
 * asks for longer than `maxRetryAfterSeconds` is not tried again at all: its client is told at once, and can come back.
 */
import type { FetchError } from './fetch-error.js';

export const maxRetryAfterSeconds = 10;

const firstDelayMs = 500;
const growth = 4;
/** By which part of itself a delay is lengthened at most, so that what failed together does not come back together. */
const jitter = 0.5;

/**
 * Milliseconds to wait after attempt `made` (from 1) of at most `attempts` has failed with `error`; undefined where there is
 * no other. `random` gives numbers from 0 to below 1.
 */
export function delayBeforeNext(
  error: FetchError,
  made: number,
  attempts: number,
  random: () => number = Math.random,
): number | undefined {
  if (error.again === undefined || made >= attempts) return undefined;
  const { retryAfterSeconds = 0 } = error.again;
  if (retryAfterSeconds > maxRetryAfterSeconds) return undefined;
  const delayMs = firstDelayMs * growth ** (made - 1) * (1 + jitter * random());
  return Math.round(Math.max(delayMs, 1000 * retryAfterSeconds));
}
