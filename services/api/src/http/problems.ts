/** Every failure leaves here as an RFC 9457 problem document, or as the route's protocol has it (compat/plain-errors.ts). */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from 'express';
import { ProblemError, type Logger, type Problem } from '@quintet/shared';
import { asRedisProblem } from '../jobs/index.js';
import { answersPlainly, plainError } from './compat/plain-errors.js';
import { answerEarly } from './drain.js';
import { contextOf } from './request-context.js';

const problemType = 'application/problem+json; charset=utf-8';
const plainType = 'application/json; charset=utf-8';

/** Answers 405 with the methods there are, or 204 to OPTIONS. */
export function onlyMethods(...methods: readonly string[]): RequestHandler {
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
 * Refuses a request whose Accept excludes `type`. One that names problem documents alone is none of them: of all types that an
 * operation may answer with, generated clients send the first that has json in its name.
 */
export function requireAccepted(request: Request, type: string): void {
  const { accept } = request.headers;
  // What most clients send; the negotiation costs more than the rest of the routing.
  if (accept === undefined || accept === '*/*' || request.accepts(type, 'application/problem+json') !== false) return;
  throw new ProblemError('not_acceptable', `This address answers with ${type}, which Accept excludes.`);
}

/** Does so for JSON, before the body is read. */
export const acceptsJson: RequestHandler = (request, _response, next) => {
  requireAccepted(request, 'application/json');
  next();
};

export const problemHandler: ErrorRequestHandler = (error: unknown, request, response, _next) => {
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
  sendProblem(request, response, failure);
};

/**
 * `app`, which is answered for also where answering a failure has failed itself. Express would answer in HTML, with the stack
 * unless NODE_ENV forbids it.
 */
export function alwaysAnswered(app: Express, logger: Logger): RequestListener {
  return (request, response) => {
    app(request as Request, response as Response, (error?: unknown) => {
      answerAnyway(error, request, response, logger);
    });
  };
}

/** Asks nothing again that may have been the cause. */
function answerAnyway(error: unknown, request: IncomingMessage, response: ServerResponse, logger: Logger): void {
  try {
    logger.error({ error }, 'a failure could not be answered');
  } catch {
    // The logger is what failed.
  }
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const given = response.getHeader('X-Request-Id');
  const requestId = typeof given === 'string' ? given : randomUUID();
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  const path = request.url?.split('?')[0] ?? '/';
  const failure = internalError(error);
  const plain = answersPlainly(path) ? plainError(path, failure, requestId) : undefined;
  response.statusCode = failure.status;
  response.setHeader('Content-Type', plain === undefined ? problemType : plainType);
  response.setHeader('X-Request-Id', requestId);
  response.setHeader('Cache-Control', 'no-store');
  const problem: Problem = { ...failure.toProblem(), instance: path, request_id: requestId };
  answerEarly(request, response, JSON.stringify(plain?.body ?? problem));
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

function sendProblem(request: Request, response: Response, failure: ProblemError): void {
  if (answersPlainly(request.path)) {
    const { status, body } = plainError(request.path, failure, contextOf(response).requestId);
    response.status(status).set(failure.headers).set('Content-Type', plainType);
    answerEarly(request, response, JSON.stringify(body));
    return;
  }
  const document: Problem = {
    ...failure.toProblem(),
    instance: request.originalUrl.split('?')[0] ?? '/',
    request_id: contextOf(response).requestId,
  };
  response.status(failure.status).set(failure.headers).set('Content-Type', problemType);
  answerEarly(request, response, JSON.stringify(document));
}
