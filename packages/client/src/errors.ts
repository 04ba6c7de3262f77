/**
 * One class for whatever goes wrong between a call and its answer. `code` says what: a code of the service
 * (docs/errors.md), or one of these.
 *
 *   connection_failed    no answer came: refused, reset, timed out, or no such host
 *   answer_unreadable    an answer came that this library does not understand, such as a proxy's page
 *   job_canceled, job_expired, batch_canceled   the job or the batch ended so
 *   image_unreadable     the picture could not be read on this side
 */
import type { ErrorCode, Job, Problem } from './types.js';

export type ClientErrorCode =
  'answer_unreadable' | 'batch_canceled' | 'connection_failed' | 'image_unreadable' | 'job_canceled' | 'job_expired';

export interface QuintetErrorDetails {
  /** Of the HTTP answer or of the problem; absent where there was none. */
  readonly status?: number;
  /** Whether the same call may succeed later. */
  readonly retryable?: boolean;
  /** Seconds that the service asked to wait. */
  readonly retryAfter?: number;
  readonly problem?: Problem;
  /** Names the request in the service's log. */
  readonly requestId?: string;
  /** The job that ended so. */
  readonly job?: Job;
  readonly cause?: unknown;
}

export class QuintetError extends Error {
  override readonly name = 'QuintetError';
  readonly status: number | undefined;
  readonly retryable: boolean;
  readonly retryAfter: number | undefined;
  readonly problem: Problem | undefined;
  readonly requestId: string | undefined;
  readonly job: Job | undefined;

  constructor(
    readonly code: ErrorCode | ClientErrorCode,
    /** What happened, in a sentence. */
    readonly detail: string,
    details: QuintetErrorDetails = {},
  ) {
    super(`${code}: ${detail}`, { cause: details.cause });
    this.status = details.status;
    this.retryable = details.retryable ?? false;
    this.retryAfter = details.retryAfter;
    this.problem = details.problem;
    this.requestId = details.requestId;
    this.job = details.job;
  }
}

/** The error of a problem document: that of an answer, or of a failed job. */
export function problemError(problem: Problem, details: QuintetErrorDetails = {}): QuintetError {
  return new QuintetError(problem.code, problem.detail ?? problem.title, {
    status: problem.status,
    retryable: problem.retryable,
    problem,
    ...(problem.request_id === undefined ? {} : { requestId: problem.request_id }),
    ...details,
  });
}

/** The error of a job that has ended without predictions. */
export function jobError(job: Job): QuintetError {
  if (job.error !== undefined) return problemError(job.error, { job });
  return job.status === 'expired'
    ? new QuintetError('job_expired', 'The job did not start within its ttl_seconds.', { job })
    : new QuintetError('job_canceled', 'The job was canceled.', { job });
}

/** Whether it is a problem document, as far as this library relies on it. */
export function isProblem(value: unknown): value is Problem {
  if (typeof value !== 'object' || value === null) return false;
  const { code, title, status } = value as Partial<Problem>;
  return typeof code === 'string' && typeof title === 'string' && typeof status === 'number';
}
