/** What a browser and a generator of clients begin with: /, the files of the page, /openapi.json and /docs. */
import { gzipSync } from 'node:zlib';
import { ProblemError } from '@quintet/shared';
import { docsPage } from '../docs-page/docs-page.js';
import { bodyKinds, isBodyKind, withOneBody, type OpenApiDocument } from '../openapi/document.js';
import { json, pathParameter, text } from '../openapi/operation.js';
import { origin } from '../openapi/samples.js';
import { homeRoute, pageFileRoute, pageHint } from './page-routes.js';
import { accepting } from './problems.js';
import { queryOf } from './query.js';
import type { Endpoint } from './route-table.js';

export const home: Endpoint = {
  operation: {
    id: 'readIndex',
    tag: 'service',
    summary: 'What this is, and where its resources are; the page for browsers.',
    description: 'HTML where Accept prefers it to JSON, as that of browsers does; the index for everybody else.',
    answers: {
      200: {
        description: 'The index, or the page.',
        content: { ...json('Index'), 'text/html': text },
      },
      304: { description: 'The page is as If-None-Match has it.' },
    },
  },
  handler: ({ version, servesMetrics, page }) => [
    homeRoute(page),
    accepting('application/json'),
    (_request, response) => {
      response.json({
        service: 'quintet',
        version,
        links: {
          jobs: '/v1/jobs',
          models: '/v1/models',
          operations: '/v1/operations',
          openapi: '/openapi.json',
          docs: '/docs',
          live: '/health/live',
          ready: '/health/ready',
          ...(servesMetrics ? { metrics: '/metrics' } : {}),
        },
        ...(page === undefined ? { hint: pageHint } : {}),
      });
    },
  ],
};

export const asset: Endpoint = {
  operation: {
    id: 'readPageAsset',
    tag: 'service',
    summary: 'A script or style of the page. Its name says its content.',
    curl: `ASSET=$(curl -s -H 'Accept: text/html' ${origin}/ | grep -o 'assets/[^"]*' | head -n 1)\ncurl -o asset.txt ${origin}/$ASSET`,
    parameters: [pathParameter('name', 'As the page has it.')],
    answers: {
      200: { description: 'The file.', content: { 'text/javascript': text, 'text/css': text } },
      304: { description: 'It is as If-None-Match has it.' },
    },
    codes: ['route_not_found'],
  },
  handler: ({ page }) => pageFileRoute(page),
};

export const icon: Endpoint = {
  operation: {
    id: 'readPageIcon',
    tag: 'service',
    summary: "The page's icon.",
    answers: {
      200: { description: 'The icon.', content: { 'image/svg+xml': text } },
      304: { description: 'It is as If-None-Match has it.' },
    },
    codes: ['route_not_found'],
  },
  handler: ({ page }) => pageFileRoute(page),
};

/**
 * The OpenAPI document, whole, or with the one kind of body that the query asks for. Serialised once, as bytes: no
 * answer needs its own copy while it waits to be taken.
 */
export const openApi: Endpoint = {
  operation: {
    id: 'readOpenApi',
    tag: 'service',
    summary: 'This document.',
    description:
      'Most generators of clients take only the first kind of body that an operation has. For them, `body` leaves the operations that ' +
      'take pictures one kind.',
    parameters: [
      {
        in: 'query',
        name: 'body',
        description:
          '`form`: multipart/form-data; `json`: application/json; `raw`: application/octet-stream. All unless set.',
        schema: { type: 'string', enum: Object.keys(bodyKinds) },
      },
    ],
    codes: ['option_invalid'],
    answers: {
      200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } },
    },
  },
  handler: ({ document }) => {
    const bytesOf = (each: OpenApiDocument): Buffer => Buffer.from(JSON.stringify(each));
    const whole = bytesOf(document);
    const kinds = Object.keys(bodyKinds).filter(isBodyKind);
    const withOne = new Map<string, Buffer>(kinds.map((kind) => [kind, bytesOf(withOneBody(document, kind))]));
    return (request, response) => {
      const asked = queryOf(request).get('body');
      const bytes = asked === null ? whole : withOne.get(asked);
      if (bytes === undefined) throw new ProblemError('option_invalid', `body must be one of ${kinds.join(', ')}.`);
      response.type('application/json').send(bytes);
    };
  },
};

/** The contract as a page, compressed once. */
export const docs: Endpoint = {
  operation: {
    id: 'readDocs',
    tag: 'service',
    summary: 'This document, for people.',
    curl: `curl -o docs.html ${origin}/docs`,
    answers: { 200: { description: 'A page.', content: { 'text/html': text } } },
  },
  handler: ({ document, keyed }) => {
    const page = docsPage(document, { keyed });
    const plain = Buffer.from(page.html);
    const compressed = gzipSync(plain, { level: 9 });
    return (request, response) => {
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
  },
};
