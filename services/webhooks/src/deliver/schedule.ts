/**
 * When the next attempt is due. The schedule lists the delay before each attempt, the first included, so its length is
 * the number of attempts.
 *
 *   delay before attempt n = schedule[n]         after an ordinary failure
 *                          = one step further    after 429, 502 or 504: the receiver, or what stands before it, is full
 *                          ≥ Retry-After         where the receiver named one, up to `maxRetryAfterSeconds`
 *   and then up to `jitter` more, so that what failed together does not come back together.
 *
 * Invariant: never sooner than the schedule or the receiver asked; never more attempts than the schedule has.
 */
export interface RetryHint {
  /** Whether the receiver should be left alone longer than after an ordinary failure. */
  readonly slowDown: boolean;
  /** What the receiver asked for; undefined where it asked for nothing. */
  readonly retryAfterSeconds?: number | undefined;
}

/** A receiver may not keep a delivery in Redis longer than a day per attempt. */
export const maxRetryAfterSeconds = 86_400;

/** By which part of itself a delay is lengthened at most. */
export const jitter = 0.2;

const noHint: RetryHint = { slowDown: false };

/**
 * Milliseconds to wait before the attempt that follows `attemptsMade` attempts; undefined where there is none.
 * `random` gives numbers from 0 to below 1.
 */
export function delayBeforeNext(
  schedule: readonly number[],
  attemptsMade: number,
  hint: RetryHint = noHint,
  random: () => number = Math.random,
): number | undefined {
  const scheduled = schedule[attemptsMade];
  if (scheduled === undefined) return undefined;
  const further = hint.slowDown ? (schedule[attemptsMade + 1] ?? scheduled) : scheduled;
  const asked = Math.min(hint.retryAfterSeconds ?? 0, maxRetryAfterSeconds);
  const seconds = Math.max(scheduled, further, asked);
  return Math.round(seconds * 1000 * (1 + jitter * random()));
}
