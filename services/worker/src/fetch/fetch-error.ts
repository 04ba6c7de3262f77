/**
 * Why a picture could not be had from its address, and when another attempt may have it: after half a second, then after
 * two, and not before the server asked to. A server that asks for longer than `maxRetryAfterSeconds` is not tried again at
 * all: its client is told at once, and can come back.
 */
import type { ErrorCode } from '@quintet/shared';

export type FetchErrorCode = Extract<ErrorCode, `image_${string}`>;

interface Again {
  /** Seconds that the server asked to be left alone for; undefined where it asked for nothing. */
  readonly retryAfterSeconds?: number | undefined;
}

export class FetchError extends Error {
  override readonly name = 'FetchError';

  /** `detail` is for whoever gave the address; `again` is there where the same attempt may succeed later. */
  constructor(
    readonly code: FetchErrorCode,
    readonly detail: string,
    readonly again?: Again,
  ) {
    super(detail);
  }
}

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
