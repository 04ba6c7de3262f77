/** Failures of requests, as one class: what the service said, or that it could not be reached. */
import type { Problem } from './types.js';

/** The service answered with a problem. */
export class ApiError extends Error {
  /** Seconds after which the same request may succeed, where the service said so. */
  readonly retryAfter: number | undefined;

  constructor(
    readonly problem: Problem,
    retryAfter?: number,
  ) {
    super(problem.detail ?? problem.title);
    this.name = 'ApiError';
    this.retryAfter = retryAfter;
  }
}

/** No answer: the network is away, or the service is. */
export class UnreachableError extends Error {
  constructor(cause: unknown) {
    super('The service cannot be reached.', { cause });
    this.name = 'UnreachableError';
  }
}

/** Whether a failure is worth the same request again, without a change. */
export function isRetryable(error: unknown): boolean {
  return error instanceof UnreachableError || (error instanceof ApiError && error.problem.retryable);
}

/** Seconds of a Retry-After header, which may be a date (RFC 9110 section 10.2.3); undefined where it says nothing. */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}

/**
 * The problem of an answer that is none of success. A proxy in between answers with pages of its own: those become a problem
 * too, with the code `http_<status>`.
 */
export function toApiError(status: number, body: string, retryAfter: string | null): ApiError {
  const seconds = parseRetryAfter(retryAfter, Date.now());
  return new ApiError(parseProblem(body) ?? foreignProblem(status), seconds);
}

function parseProblem(body: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const isProblem = typeof value === 'object' && value !== null && 'code' in value && 'title' in value;
    return isProblem ? (value as Problem) : undefined;
  } catch {
    return undefined;
  }
}

function foreignProblem(status: number): Problem {
  const retryable = status === 408 || status === 429 || status >= 500;
  const title = retryable ? 'Something between here and the service failed' : 'The request was refused on its way';
  return { type: 'about:blank', title, status, code: `http_${status}`, retryable };
}
