/**
 * Every route of the API, a row each. Registration, 405, Accept, access, quotas, the form of failures and the OpenAPI
 * document are derived from the rows (route-table.ts). The document keeps their order.
 *
 * To add a route, write its operation and its handler, an `Endpoint`, in the file of its resource, and a row here.
 */
import * as batches from './batch-routes.js';
import * as huggingFace from './compat/hugging-face.js';
import { infer } from './compat/infer-route.js';
import * as inference from './compat/metadata-routes.js';
import * as corrections from './correction-routes.js';
import * as deliveries from './delivery-routes.js';
import * as documents from './document-routes.js';
import * as jobs from './job-routes.js';
import { huggingFaceErrors, plainErrors, problemJson } from './problems.js';
import { RouteTable, type Route } from './route-table.js';
import * as service from './service-routes.js';
import { submit } from './submit-route.js';

/** What the rows of a protocol have in common. */
const v1 = { accepts: 'application/json', errors: problemJson } as const;
const v2 = { accepts: undefined, errors: plainErrors } as const;
const models = { accepts: undefined, errors: huggingFaceErrors } as const;
/** Served to everybody, in a form of its own. */
const file = { ...v1, accepts: undefined, scope: 'open' } as const;

export const routes = new RouteTable([
  { ...v1, method: 'post', path: '/v1/jobs', scope: 'submit', submits: true, ...submit },
  { ...v1, method: 'get', path: '/v1/jobs/{id}', scope: 'read', ...jobs.read },
  { ...v1, method: 'get', path: '/v1/jobs/{id}/events', scope: 'read', ...jobs.watch, accepts: 'text/event-stream' },
  { ...v1, method: 'get', path: '/v1/jobs/{id}/explanation.png', scope: 'read', ...jobs.heatMap, accepts: 'image/png' },
  { ...v1, method: 'delete', path: '/v1/jobs/{id}', scope: 'submit', ...jobs.cancel },
  { ...v1, method: 'get', path: '/v1/jobs', scope: 'read', ...jobs.list },
  { ...v1, method: 'put', path: '/v1/jobs/{id}/correction', scope: 'submit', ...corrections.correct },
  { ...v1, method: 'delete', path: '/v1/jobs/{id}/correction', scope: 'submit', ...corrections.uncorrect },
  { ...v1, method: 'get', path: '/v1/models/{model}/labels', scope: 'read', ...service.labels },

  { ...v1, method: 'post', path: '/v1/batches', scope: 'submit', submits: true, ...batches.submit },
  { ...v1, method: 'get', path: '/v1/batches/{id}', scope: 'read', ...batches.read },
  { ...v1, method: 'delete', path: '/v1/batches/{id}', scope: 'submit', ...batches.cancel },
  { ...v1, method: 'get', path: '/v1/batches/{id}/results', scope: 'read', ...batches.results, accepts: undefined },

  { ...v1, method: 'get', path: '/v1/jobs/{id}/deliveries', scope: 'read', ...deliveries.listOfJob },
  { ...v1, method: 'get', path: '/v1/deliveries', scope: 'read', ...deliveries.list },
  { ...v1, method: 'get', path: '/v1/deliveries/{id}', scope: 'read', ...deliveries.read },
  { ...v1, method: 'post', path: '/v1/deliveries/{id}/redeliver', scope: 'submit', ...deliveries.sendAgain },
  { ...v1, method: 'post', path: '/v1/webhooks/test', scope: 'submit', ...deliveries.sendTest },

  { ...file, method: 'get', path: '/', ...documents.home },
  { ...file, method: 'get', path: '/assets/{name}', ...documents.asset },
  { ...file, method: 'get', path: '/favicon.svg', ...documents.icon },
  { ...v1, method: 'get', path: '/v1/models', scope: 'read', ...service.models },
  // It tells of all clients together, as /metrics does.
  { ...v1, method: 'get', path: '/v1/operations', scope: 'admin', ...service.operations },
  { ...v1, method: 'get', path: '/openapi.json', scope: 'open', ...documents.openApi },
  { ...file, method: 'get', path: '/docs', ...documents.docs, accepts: 'text/html' },
  { ...v1, method: 'get', path: '/health/live', scope: 'open', ...service.live },
  { ...v1, method: 'get', path: '/health/ready', scope: 'open', ...service.ready },
  { ...v1, method: 'get', path: '/metrics', scope: 'admin', ...service.metrics, accepts: 'text/plain' },

  { ...models, method: 'post', path: '/models/{model}', scope: 'submit', submits: true, ...huggingFace.classify },

  { ...v2, method: 'get', path: '/v2', scope: 'open', ...inference.server },
  { ...v2, method: 'get', path: '/v2/health/live', scope: 'open', ...inference.live },
  { ...v2, method: 'get', path: '/v2/health/ready', scope: 'open', ...inference.ready },
  ...inference.modelAddresses.flatMap((model): Route[] => [
    { ...v2, method: 'get', path: model, scope: 'read', ...inference.model(model) },
    { ...v2, method: 'get', path: `${model}/ready`, scope: 'read', ...inference.modelReady(model) },
    { ...v2, method: 'get', path: `${model}/config`, scope: 'read', ...inference.modelConfig(model) },
    { ...v2, method: 'post', path: `${model}/infer`, scope: 'submit', submits: true, ...infer(model) },
  ]),
]);
