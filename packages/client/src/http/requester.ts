/**
 * Requests that are made again until they are answered for good.
 *
 * An attempt ends as good (2xx), refused (a problem document, or a status), or unanswered (no connection, cut, or nothing for too
 * long). What may succeed later is tried again as retries.ts says. That is safe for every request here: reading, correcting
 * and canceling are idempotent, and submissions carry an Idempotency-Key, the same on every attempt. A signal ends all of it at once.
 */
import { isProblem, problemError, QuintetError } from '../errors.js';
import { sleep, startDeadline } from './abortable.js';
import type { FetchLike, FetchLikeResponse, RequestBody } from './fetch-like.js';
import { Failures, parseRetryAfter } from './retries.js';

export interface RequesterOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly apiKey?: string | (() => string | undefined) | undefined;
  readonly fetch: FetchLike;
  readonly retrySeconds: number;
  /** How long an attempt may take, with its body, beside what it asks the service to wait. */
  readonly patienceSeconds: number;
  readonly onDenied?: ((error: QuintetError) => Promise<boolean>) | undefined;
}

export interface Request {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** From the root of the service on, with the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A function makes it anew for each attempt: a stream can be read once. */
  readonly body?: string | Uint8Array | (() => ReadableStream<Uint8Array>);
  readonly signal?: AbortSignal | undefined;
  /** How long the service may take before it begins to answer: what `Prefer: wait` asks for. */
  readonly waitSeconds?: number;
  /** Over that of the options. */
  readonly retrySeconds?: number | undefined;
  /** Told of each failure after which the request is made again, and in how many milliseconds. */
  readonly onRetry?: ((error: QuintetError, delayMs: number) => void) | undefined;
}

/** Statuses that, without a problem document, mean "later". */
const passing: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504]);

export class Requester {
  constructor(private readonly options: RequesterOptions) {}

  /** The parsed JSON of a good answer. Throws QuintetError, or the signal's reason. */
  json<T>(request: Request): Promise<T> {
    return this.send(request, async (response) => {
      const text = await response.text();
      try {
        return JSON.parse(text) as T;
      } catch (cause) {
        throw unreadable(response.status, 'its body is no JSON', cause);
      }
    });
  }

  /** What `read` makes of a good answer; an error of reading it counts as no answer, and the request is made again. */
  async send<T>(request: Request, read: (response: FetchLikeResponse) => Promise<T>): Promise<T> {
    const failures = new Failures(request.retrySeconds ?? this.options.retrySeconds);
    for (;;) {
      try {
        return await this.#attempt(request, read);
      } catch (error) {
        request.signal?.throwIfAborted();
        if (!(error instanceof QuintetError)) throw error;
        if (await this.#isAllowedNow(error)) continue;
        const delay = failures.delayAfter(error);
        request.onRetry?.(error, delay);
        await sleep(delay, request.signal);
      }
    }
  }

  /** A good answer whose body is still to come; made once. The caller's signal has to end it. Throws QuintetError. */
  async open(request: Request): Promise<FetchLikeResponse> {
    for (;;) {
      try {
        return await this.#answered(request, request.signal);
      } catch (error) {
        if (!(error instanceof QuintetError) || !(await this.#isAllowedNow(error))) throw error;
      }
    }
  }

  /** Whether a request that its key does not allow is to be made again with another. */
  async #isAllowedNow(error: QuintetError): Promise<boolean> {
    const isDenied = error.status === 401 || error.status === 403;
    return isDenied && (await this.options.onDenied?.(error)) === true;
  }

  async #attempt<T>(request: Request, read: (response: FetchLikeResponse) => Promise<T>): Promise<T> {
    const seconds = this.options.patienceSeconds + (request.waitSeconds ?? 0);
    const deadline = startDeadline(1000 * seconds, request.signal);
    try {
      const response = await this.#answered(request, deadline.signal);
      try {
        return await read(response);
      } catch (error) {
        throw error instanceof QuintetError ? error : connectionFailed(this.options.url, error);
      }
    } finally {
      deadline.clear();
    }
  }

  async #answered(request: Request, signal: AbortSignal | undefined): Promise<FetchLikeResponse> {
    const { url, apiKey } = this.options;
    const key = typeof apiKey === 'function' ? apiKey() : apiKey;
    const { method = 'GET', path, headers, body } = request;
    const sent: RequestBody | undefined = typeof body === 'function' ? body() : body;
    signal?.throwIfAborted();
    let response: FetchLikeResponse;
    try {
      response = await this.options.fetch(url + path, {
        method,
        headers: {
          accept: 'application/json',
          ...headers,
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        },
        ...(sent === undefined ? {} : { body: sent }),
        ...(typeof body === 'function' ? { duplex: 'half' as const } : {}),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      throw error instanceof QuintetError ? error : connectionFailed(url, error);
    }
    if (response.status >= 200 && response.status < 300) return response;
    throw await refusal(response, url);
  }
}

/** The error of an answer that is none of success. */
async function refusal(response: FetchLikeResponse, url: string): Promise<QuintetError> {
  const { status } = response;
  const retryAfter = parseRetryAfter(response.headers.get('retry-after'), Date.now());
  const requestId = response.headers.get('x-request-id');
  const details = {
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(requestId === null ? {} : { requestId }),
  };
  let text: string;
  try {
    text = await response.text();
  } catch (error) {
    return connectionFailed(url, error);
  }
  const problem = parsed(text);
  if (isProblem(problem)) return problemError(problem, details);
  return unreadable(status, 'it is no problem document', undefined, { ...details, retryable: passing.has(status) });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function unreadable(status: number, why: string, cause?: unknown, details: object = {}): QuintetError {
  const detail = `The answer, HTTP ${status}, is not Quintet's: ${why}.`;
  return new QuintetError('answer_unreadable', detail, { status, cause, ...details });
}

/** `fetch` says "fetch failed" and why in its cause. */
function connectionFailed(url: string, error: unknown): QuintetError {
  const reasons: string[] = [];
  for (let each = error; each instanceof Error && reasons.length < 3; each = each.cause) {
    const code = (each as NodeJS.ErrnoException).code;
    const reason = each.message === '' ? code : each.message;
    if (reason !== undefined && reason !== 'fetch failed') reasons.push(reason);
  }
  const detail = `${url} does not answer${reasons.length === 0 ? '' : `: ${reasons.join(': ')}`}.`;
  return new QuintetError('connection_failed', detail, { retryable: true, cause: error });
}
