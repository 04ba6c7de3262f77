/**
 * What an attempt means for its delivery, and when the next one is due. Pure: the rules of Standard Webhooks, apart
 * from sockets and queues.
 */
import { parseRetryAfter } from '@quintet/outbound';

/** What happened on the wire. `answered` has the status line, whatever became of the body after it. */
export type AttemptResult =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfter: string | undefined }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'connection_failed'; readonly code: string }
  | { readonly kind: 'interrupted' };

/** Label values of quintet_webhook_attempts_total. */
export const attemptOutcomes = [
  'delivered',
  'redirect',
  'http_error',
  'slow_down',
  'gone',
  'timeout',
  'connection_failed',
  'refused',
  'interrupted',
] as const;
type AttemptOutcome = (typeof attemptOutcomes)[number];

/** Label values of quintet_webhook_deliveries_total. */
export const deliveryOutcomes = [
  'delivered',
  'exhausted',
  'gone',
  'refused',
  'disabled',
  'skipped',
  'dropped',
] as const;
export type DeliveryOutcome = (typeof deliveryOutcomes)[number];

/**
 * - delivered: the receiver took it.
 * - stop: no later attempt can or may succeed.
 * - retry: the schedule decides, with this hint.
 * - interrupted: this process stopped in the middle; the attempt does not count.
 */
export type Verdict =
  | { readonly kind: 'delivered'; readonly outcome: 'delivered' }
  | { readonly kind: 'stop'; readonly outcome: 'gone' | 'refused'; readonly reason: string }
  | { readonly kind: 'retry'; readonly outcome: AttemptOutcome; readonly reason: string; readonly hint: RetryHint }
  | { readonly kind: 'interrupted'; readonly outcome: 'interrupted' };

/** Statuses on which the standard asks senders to slow down. */
const slowDownStatuses: readonly number[] = [429, 502, 504];

/** Judges an attempt that ended at `now`. */
export function judge(result: AttemptResult, now: Date): Verdict {
  switch (result.kind) {
    case 'answered':
      return judgeStatus(result.status, parseRetryAfter(result.retryAfter, now));
    case 'refused':
      return { kind: 'stop', outcome: 'refused', reason: result.reason };
    case 'timeout':
      return { kind: 'retry', outcome: 'timeout', reason: 'no answer in time', hint: { slowDown: false } };
    case 'connection_failed':
      return {
        kind: 'retry',
        outcome: 'connection_failed',
        reason: `connection failed (${result.code})`,
        hint: { slowDown: false },
      };
    case 'interrupted':
      return { kind: 'interrupted', outcome: 'interrupted' };
  }
}

function judgeStatus(status: number, retryAfterSeconds: number | undefined): Verdict {
  if (status >= 200 && status < 300) return { kind: 'delivered', outcome: 'delivered' };
  const reason = `HTTP ${status}`;
  if (status === 410) return { kind: 'stop', outcome: 'gone', reason };
  const slowDown = slowDownStatuses.includes(status);
  const redirect = status >= 300 && status < 400;
  return {
    kind: 'retry',
    outcome: slowDown ? 'slow_down' : redirect ? 'redirect' : 'http_error',
    reason: redirect ? `${reason}, and redirects are not followed` : reason,
    hint: { slowDown, retryAfterSeconds },
  };
}

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
 * When the next attempt is due. The schedule lists the delay before each attempt, the first included, so its length is
 * the number of attempts.
 *
 *   delay before attempt n = schedule[n]         after an ordinary failure
 *                          = one step further    after 429, 502 or 504: the receiver, or what stands before it, is full
 *                          ≥ Retry-After         where the receiver named one, up to `maxRetryAfterSeconds`
 *   and then up to `jitter` more, so that what failed together does not come back together.
 *
 * Invariant: never sooner than the schedule or the receiver asked; never more attempts than the schedule has.
 *
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
