/** The page and its files: GET /, /assets/* and /favicon.svg. */
import type { Request, RequestHandler, Response } from 'express';
import { ProblemError } from '@quintet/shared';
import { pageEncodings, type PageEncoding, type PageFile, type PageFiles } from './page-files.js';

/**
 * What the page may do. Nothing is loaded from elsewhere; `blob:` is for pictures that were chosen but not sent, and for the
 * camera. No style or script stands in the HTML.
 */
const pageSecurity = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "connect-src 'self'",
    "media-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Permissions-Policy': 'camera=(self), microphone=(), geolocation=(), payment=(), usb=()',
};

/** `/` for those who ask for HTML before JSON, as browsers do; everybody else is answered by what comes after. */
export function homeRoute(page: PageFiles | undefined): RequestHandler {
  const home = page?.get('/');
  return (request, response, next) => {
    response.vary('Accept');
    if (home === undefined || request.accepts(['application/json', 'text/html']) !== 'text/html') {
      next();
      return;
    }
    response.set(pageSecurity);
    sendFile(request, response, home);
  };
}

/** A file of the page, by its path. Throws `route_not_found`. */
export function pageFileRoute(page: PageFiles | undefined): RequestHandler {
  return (request, response) => {
    const file = page?.get(request.path);
    if (file === undefined) {
      const hint = page === undefined ? ` ${pageHint}` : '';
      throw new ProblemError('route_not_found', `There is no such file of the page.${hint}`);
    }
    sendFile(request, response, file);
  };
}

/** Told in place of the page where there is none. */
export const pageHint =
  'The page is not built here: `npm run build` makes it, and the service shows it after a restart.';

function sendFile(request: Request, response: Response, file: PageFile): void {
  const encoding = encodingFor(request, file);
  const etag = `"${file.hash}${encoding === undefined ? '' : `-${encoding}`}"`;
  response.vary('Accept-Encoding').set({
    ETag: etag,
    'Cache-Control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
  });
  if (request.fresh) {
    response.status(304).end();
    return;
  }
  response.setHeader('Content-Type', file.type);
  if (encoding !== undefined) response.set('Content-Encoding', encoding);
  const body = encoding === undefined ? file.plain : (file.encoded[encoding] ?? file.plain);
  response.setHeader('Content-Length', body.length);
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** The smallest that the client takes, whatever order it names them in. */
function encodingFor(request: Request, { encoded }: PageFile): PageEncoding | undefined {
  return pageEncodings.find(
    (encoding) => encoded[encoding] !== undefined && request.acceptsEncodings(encoding) === encoding,
  );
}
