/** What belongs to one request: its id, its logger, and the log line and measurement at its end. */
import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import type { ApiMetrics, Logger } from '@quintet/shared';
import { anonymous, type Client } from '../jobs/index.js';
import { unlimited, type ClientLimits } from '../limits/client-limits.js';

export interface RequestContext {
  /** Made here. One that a client sends is not trusted: it could not tell two requests apart in the logs. */
  readonly requestId: string;
  readonly logger: Logger;
  /** Aborted when the client goes before its answer is complete. */
  readonly signal: AbortSignal;
  /** Who asks; `anonymous` until a key has said otherwise. */
  client: Client;
  /** What that client may take; nothing bounds it until a key or its address has said otherwise. */
  limits: ClientLimits;
  jobId?: string;
  /** The error code that was answered, for the log. */
  code?: string;
}

const contexts = new WeakMap<Response, RequestContext>();

export function contextOf(response: Response): RequestContext {
  const context = contexts.get(response);
  if (context === undefined) throw new Error('The request has no context: requestContext() must run first');
  return context;
}

/** Status of a request whose client left before any answer, in logs and metrics (nginx's number for it). */
const clientGone = 499;

/** The pattern of the route that answered, so that metrics do not grow with the paths that clients invent. */
function routeOf(request: Request): string {
  const route = request.route as { path?: unknown } | undefined;
  return typeof route?.path === 'string' ? route.path : 'unmatched';
}

/** Those that a route answers to. A client can send some thirty others, and each would make series of its own for every route. */
const measuredMethods = new Set(['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS']);

export function requestContext(logger: Logger, metrics: Pick<ApiMetrics, 'httpDuration'>): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    const requestId = randomUUID();
    const gone = new AbortController();
    const context: RequestContext = {
      requestId,
      logger: logger.child({ request_id: requestId }),
      signal: gone.signal,
      client: anonymous,
      limits: unlimited,
    };
    contexts.set(response, context);
    response.set({
      'X-Request-Id': requestId,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
    });
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
      const ms = performance.now() - started;
      const route = routeOf(request);
      const status = response.headersSent ? response.statusCode : clientGone;
      const method = measuredMethods.has(request.method) ? request.method : 'other';
      metrics.httpDuration.observe({ method, route, status }, ms / 1000);
      const line = {
        method: request.method,
        route,
        status,
        ms: Math.round(ms * 10) / 10,
        ...(context.jobId === undefined ? {} : { job_id: context.jobId }),
        ...(context.code === undefined ? {} : { code: context.code }),
      };
      // What went well is told by the metrics, and by the line of its job; who asks for health asks again and again.
      const quiet = status < 400 || route.startsWith('/health/');
      context.logger[quiet ? 'debug' : 'info'](line, 'request');
    });
    next();
  };
}
