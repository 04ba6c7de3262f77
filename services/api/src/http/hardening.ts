/**
 * Headers that make browsers careful with what comes from here, and those that let the pages of chosen origins use it.
 *
 * Answers are data: nothing in them may be run, framed or guessed at. A route that serves a page sets its own
 * Content-Security-Policy over this one.
 */
import cors from 'cors';
import type { RequestHandler } from 'express';
import helmet from 'helmet';

const baseline = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  crossOriginResourcePolicy: { policy: 'same-origin' },
  referrerPolicy: { policy: 'no-referrer' },
  xFrameOptions: { action: 'deny' },
  // Said below, over TLS only: a browser must not be kept off a service that has none.
  strictTransportSecurity: false,
  // For browsers that are long gone, or about pages only.
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
}) as RequestHandler;

const transportSecurity = helmet.strictTransportSecurity({
  maxAge: 365 * 24 * 3600,
  includeSubDomains: false,
}) as RequestHandler;

/** For every answer. TLS ends in a proxy in front, whose X-Forwarded-Proto counts where TRUST_PROXY lets it. */
export const securityHeaders: RequestHandler = (request, response, next) => {
  baseline(request, response, (error?: unknown) => {
    if (error !== undefined || !request.secure) next(error);
    else transportSecurity(request, response, next);
  });
};

/** What a client may have to read of an answer, or send with a request, beyond what browsers allow anyway. */
const exposedHeaders = [
  ...['Location', 'Link', 'Retry-After', 'X-Request-Id', 'Preference-Applied', 'RateLimit', 'RateLimit-Policy'],
  ...['WWW-Authenticate', 'Idempotency-Key', 'Idempotent-Replayed', 'Inference-Header-Content-Length'],
];
const allowedHeaders = [
  ...['Authorization', 'X-API-Key', 'Content-Type', 'Prefer', 'Idempotency-Key', 'Last-Event-ID', 'Cache-Control'],
  'Inference-Header-Content-Length',
];

/**
 * Lets pages of `origins` (or `*`, all) in; browsers keep every other page out. Nothing here is authorised by cookies, so
 * no credentials are asked for.
 */
export function crossOrigin(origins: readonly string[]): RequestHandler {
  const answer = cors({
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders,
    exposedHeaders,
    maxAge: 3600,
  }) as RequestHandler;
  return (request, response, next) => {
    // An OPTIONS that is no preflight is answered by its route, with the methods there are.
    const isPlainOptions =
      request.method === 'OPTIONS' && request.headers['access-control-request-method'] === undefined;
    if (isPlainOptions) next();
    else answer(request, response, next);
  };
}
