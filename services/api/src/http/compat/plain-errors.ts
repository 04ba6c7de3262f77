/**
 * Errors as clients of other protocols read them: `{"error": "…"}`, and beside it the registry's code and the request's id.
 *
 * `@huggingface/inference` repeats a request that is answered 503 at once, and for ever. So under /models nothing is: what is full
 * for a moment is 429, of which both Hugging Face clients make an error, and what is away is 502.
 */
import { errorRegistry, type ErrorCode } from '@quintet/shared';

/** As `problems.ts` would answer it. */
interface Failure {
  readonly code: ErrorCode;
  readonly status: number;
  readonly message: string;
}

export interface PlainError {
  readonly status: number;
  readonly body: { readonly error: string; readonly code: ErrorCode; readonly request_id: string };
}

const away: readonly ErrorCode[] = ['redis_unavailable', 'shutting_down'];

/** Whose errors are plain: everything of the Open Inference Protocol and of Hugging Face, also where there is no route. */
export function answersPlainly(path: string): boolean {
  return isHuggingFace(path) || path === '/v2' || path.startsWith('/v2/');
}

export function plainError(path: string, { code, status, message }: Failure, requestId: string): PlainError {
  return { status: plainStatus(path, code, status), body: { error: message, code, request_id: requestId } };
}

/** The status of `code` under `path`. */
export function plainStatus(path: string, code: ErrorCode, status: number = errorRegistry[code].status): number {
  if (!isHuggingFace(path) || status !== 503) return status;
  return away.includes(code) ? 502 : 429;
}

function isHuggingFace(path: string): boolean {
  return path.startsWith('/models/');
}
