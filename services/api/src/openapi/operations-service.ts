/** Operations that tell of the service itself. */
import { bodyKinds } from './body-kinds.js';
import { origin } from './curl.js';
import { json, type Operation } from './operation.js';

const text = { schema: { type: 'string' } } as const;

export const serviceOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/',
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
  {
    method: 'get',
    path: '/assets/{name}',
    id: 'readPageAsset',
    tag: 'service',
    summary: 'A script or style of the page. Its name says its content.',
    curl: `ASSET=$(curl -s -H 'Accept: text/html' ${origin}/ | grep -o 'assets/[^"]*' | head -n 1)\ncurl -o asset.txt ${origin}/$ASSET`,
    parameters: [
      {
        in: 'path',
        name: 'name',
        description: 'As the page has it.',
        required: true,
        schema: { type: 'string' },
      },
    ],
    answers: {
      200: { description: 'The file.', content: { 'text/javascript': text, 'text/css': text } },
      304: { description: 'It is as If-None-Match has it.' },
    },
    codes: ['route_not_found'],
  },
  {
    method: 'get',
    path: '/favicon.svg',
    id: 'readPageIcon',
    tag: 'service',
    summary: "The page's icon.",
    answers: {
      200: { description: 'The icon.', content: { 'image/svg+xml': text } },
      304: { description: 'It is as If-None-Match has it.' },
    },
    codes: ['route_not_found'],
  },
  {
    method: 'get',
    path: '/v1/models',
    id: 'listModels',
    tag: 'service',
    scope: 'read',
    summary: 'Which models there are, and which live workers serve them.',
    answers: { 200: { description: 'The models.', content: json('ModelList') } },
  },
  {
    method: 'get',
    path: '/v1/operations',
    id: 'readOperations',
    tag: 'service',
    scope: 'admin',
    summary: 'How the service does now: throughput, queue, latencies and workers of the last minute.',
    description: 'Of all clients together, a second old at most; what workers tell of themselves, up to four.',
    answers: { 200: { description: 'The state.', content: json('Operations') } },
  },
  {
    method: 'get',
    path: '/openapi.json',
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
  {
    method: 'get',
    path: '/docs',
    id: 'readDocs',
    tag: 'service',
    summary: 'This document, for people.',
    curl: `curl -o docs.html ${origin}/docs`,
    answers: { 200: { description: 'A page.', content: { 'text/html': { schema: { type: 'string' } } } } },
  },
  {
    method: 'get',
    path: '/health/live',
    id: 'checkLive',
    tag: 'service',
    summary: 'Whether the process answers.',
    answers: { 200: { description: 'It does.', content: json('Health') } },
  },
  {
    method: 'get',
    path: '/health/ready',
    id: 'checkReady',
    tag: 'service',
    summary: 'Whether it may be sent work.',
    answers: {
      200: { description: 'It may.', content: json('Health') },
      503: { description: 'It may not; the reasons are told.', content: json('Health') },
    },
  },
  {
    method: 'get',
    path: '/metrics',
    id: 'readMetrics',
    tag: 'service',
    scope: 'admin',
    summary: "Measurements, in Prometheus' text format; on a port of its own where METRICS_PORT is set.",
    answers: { 200: { description: 'The metrics.', content: { 'text/plain': text } } },
  },
];
