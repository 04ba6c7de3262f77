/** `GET /docs`: the contract as a page. */
import { gzipSync } from 'node:zlib';
import type { RequestHandler } from 'express';
import type { DocsPage } from '../docs-page/docs-page.js';
import { requireAccepted } from './problems.js';

/** Compressed once. */
export function docsRoute(page: DocsPage): RequestHandler {
  const plain = Buffer.from(page.html);
  const compressed = gzipSync(plain, { level: 9 });
  return (request, response) => {
    requireAccepted(request, 'text/html');
    if (request.path.endsWith('/')) {
      // Its links are relative, since a proxy may have put it below a prefix.
      response.redirect(308, '../docs');
      return;
    }
    response.set({
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': page.contentSecurityPolicy,
      // Another version of the service has another page.
      'Cache-Control': 'no-cache',
      Vary: 'Accept-Encoding',
    });
    const zips = request.acceptsEncodings('gzip') !== false;
    if (zips) response.set('Content-Encoding', 'gzip');
    response.send(zips ? compressed : plain);
  };
}
