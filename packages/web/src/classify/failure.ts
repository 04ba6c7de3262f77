/** Errors of the page's requests as what a card can tell, and when it is worth another try. */
import { ApiError, isRetryable, UnreachableError } from '../api/problem.js';
import type { Failure } from './item.js';

export function toFailure(error: unknown): Failure {
  if (error instanceof ApiError) return error.problem;
  if (error instanceof UnreachableError) {
    return { code: 'unreachable', title: 'The service cannot be reached', retryable: true };
  }
  return {
    code: 'page_error',
    title: 'Something went wrong in this page',
    detail: error instanceof Error ? error.message : String(error),
    retryable: false,
  };
}

/** What another request a little later may simply not meet: the service is full, away, or says how long to wait. */
const waitsFor = new Set(['queue_full', 'storage_full', 'uploads_busy', 'redis_unavailable', 'shutting_down']);
const mostSeconds = 30;
const mostAttempts = 5;

/**
 * Seconds to wait before attempt number `attempt` (1 is the first repetition); undefined: not again. A service that is full
 * or away is waited for as long as the person does; other failures that may pass get a few attempts.
 * Where it said how long, it is waited so long; else 1, 2, 4 … 30 s.
 */
export function retryDelay(error: unknown, attempt: number): number | undefined {
  if (!isRetryable(error)) return undefined;
  const own = Math.min(mostSeconds, 2 ** (attempt - 1));
  if (!(error instanceof ApiError)) return own;
  const { status, code } = error.problem;
  const isPatient = waitsFor.has(code) || status === 429 || status === 502 || status === 504;
  if (!isPatient && attempt > mostAttempts) return undefined;
  return error.retryAfter === undefined ? own : Math.max(error.retryAfter, 0.5);
}
