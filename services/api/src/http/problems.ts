/**
 * Every failure leaves here: as an RFC 9457 problem document, or as clients of another protocol read it, `{"error":
 * "…"}` with the registry's code and the request's id beside it.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from 'express';
import { errorRegistry, ProblemError, type ErrorCode, type Logger, type Problem } from '@quintet/shared';
import { asRedisProblem } from '../jobs/index.js';
import { answerEarly } from './drain.js';
import { contextOf } from './request-context.js';

/** How the failures of a route are written. */
export interface ErrorForm {
  readonly mediaType: 'application/problem+json' | 'application/json';
  /** In the OpenAPI document. */
  readonly schema: 'Problem' | 'PlainError';
  /** The status that `code` is answered with. */
  readonly status: (code: ErrorCode) => number;
  readonly body: (failure: ProblemError, place: { readonly instance: string; readonly request_id: string }) => object;
}

export const problemJson: ErrorForm = {
  mediaType: 'application/problem+json',
  schema: 'Problem',
  status: (code) => errorRegistry[code].status,
  body: (failure, place): Problem => ({ ...failure.toProblem(), ...place }),
};

export const plainErrors: ErrorForm = {
  mediaType: 'application/json',
  schema: 'PlainError',
  status: problemJson.status,
  body: ({ message, code }, { request_id }) => ({ error: message, code, request_id }),
};

const away: readonly ErrorCode[] = ['redis_unavailable', 'shutting_down'];

/**
 * `@huggingface/inference` repeats a request that is answered 503 at once, and without end. So nothing is: what is full
 * for a moment is 429, of which both Hugging Face clients make an error, and what is away is 502.
 */
export const huggingFaceErrors: ErrorForm = {
  ...plainErrors,
  status: (code) => {
    const status = problemJson.status(code);
    if (status !== 503) return status;
    return away.includes(code) ? 502 : 429;
  },
};

/** Answers 405 with the methods there are, or 204 to OPTIONS. */
export function onlyMethods(methods: readonly string[]): RequestHandler {
  const allow = [...methods, 'OPTIONS'].join(', ');
  return (request, response) => {
    if (request.method === 'OPTIONS') {
      response.set('Allow', allow).status(204).end();
      return;
    }
    throw new ProblemError('method_not_allowed', `${request.method} is not allowed here; allowed: ${allow}.`, {
      headers: { Allow: allow },
    });
  };
}

export const routeNotFound: RequestHandler = () => {
  throw new ProblemError('route_not_found', 'There is nothing at this address.');
};

/**
 * Refuses a request whose Accept excludes `type`, before its body is read. One that names problem documents alone is
 * let through: of all types that an operation may answer with, generated clients send the first that has json in its
 * name.
 */
export function accepting(type: string): RequestHandler {
  return (request, _response, next) => {
    const { accept } = request.headers;
    // What most clients send; the negotiation costs more than the rest of the routing.
    if (accept !== undefined && accept !== '*/*' && request.accepts(type, 'application/problem+json') === false) {
      throw new ProblemError('not_acceptable', `This address answers with ${type}, which Accept excludes.`);
    }
    next();
  };
}

/** `errorsAt` knows the form by the path. */
export function problemHandler(errorsAt: (path: string) => ErrorForm): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const context = contextOf(response);
    const failure = asProblem(error);
    context.code = failure.code;
    if (failure.status >= 500) {
      const severity = failure.code === 'internal_error' ? 'error' : 'warn';
      context.logger[severity]({ error: failure.cause ?? failure, code: failure.code }, failure.message);
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const form = errorsAt(request.path);
    const place = { instance: request.originalUrl.split('?')[0] ?? '/', request_id: context.requestId };
    response.status(form.status(failure.code)).set(failure.headers);
    response.set('Content-Type', `${form.mediaType}; charset=utf-8`);
    answerEarly(request, response, JSON.stringify(form.body(failure, place)));
  };
}

/**
 * `app`, which is answered for also where answering a failure has failed itself. Express would answer in HTML, with the
 * stack unless NODE_ENV forbids it.
 */
export function alwaysAnswered(app: Express, errorsAt: (path: string) => ErrorForm, logger: Logger): RequestListener {
  return (request, response) => {
    app(request as Request, response as Response, (error?: unknown) => {
      try {
        logger.error({ error }, 'a failure could not be answered');
      } catch {
        // The logger is what failed.
      }
      answerAnyway(internalError(error), request, response, errorsAt);
    });
  };
}

/** Asks nothing again that may have been the cause. */
function answerAnyway(
  failure: ProblemError,
  request: IncomingMessage,
  response: ServerResponse,
  errorsAt: (path: string) => ErrorForm,
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const given = response.getHeader('X-Request-Id');
  const requestId = typeof given === 'string' ? given : randomUUID();
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  const path = request.url?.split('?')[0] ?? '/';
  const form = errorsAt(path);
  response.statusCode = failure.status;
  response.setHeader('Content-Type', `${form.mediaType}; charset=utf-8`);
  response.setHeader('X-Request-Id', requestId);
  response.setHeader('Cache-Control', 'no-store');
  answerEarly(request, response, JSON.stringify(form.body(failure, { instance: path, request_id: requestId })));
}

function asProblem(error: unknown): ProblemError {
  const known = asRedisProblem(error);
  if (known instanceof ProblemError) return known;
  if (error instanceof URIError || isBadRequest(error)) {
    return new ProblemError('request_malformed', 'The address is not valid: its percent-encoding is malformed.');
  }
  return internalError(error);
}

function internalError(cause: unknown): ProblemError {
  return new ProblemError('internal_error', 'Something went wrong inside the service.', { cause });
}

/** What Express's router throws for a path parameter that cannot be decoded. */
function isBadRequest(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status === 400;
}
