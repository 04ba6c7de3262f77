/** What tells of the service itself: /, /v1/models, /v1/operations, /health and /metrics. */
import type { RequestHandler } from 'express';
import { ProblemError, type Operations, type ReadinessCheck, type Registry } from '@quintet/shared';
import type { ModelDirectory } from '../jobs/index.js';
import type { OpenApiDocument } from '../openapi/document.js';
import { bodyKinds, isBodyKind, withOneBody } from '../openapi/body-kinds.js';
import { pageHint } from './page-routes.js';
import { requireAccepted } from './problems.js';
import { queryOf } from './query.js';

export function indexRoute(version: string, servesMetrics: boolean, hasPage: boolean): RequestHandler {
  return (_request, response) => {
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
      ...(hasPage ? {} : { hint: pageHint }),
    });
  };
}

/** Every known model, with the workers that serve it now. */
export function modelsRoute(models: ModelDirectory): RequestHandler {
  return async (_request, response) => {
    const [list, byDefault] = await Promise.all([models.list(), models.defaultModel()]);
    response.json({
      default: byDefault,
      models: list.map(({ workers, ...model }) => ({
        ...model,
        // Not `model`, which stands above, nor what changes with every heartbeat: /v1/operations tells that.
        workers: workers.map(
          ({ id, device, since, streams, intra_op_threads, solo_threads, max_batch_size, profile }) => ({
            id,
            device,
            since,
            streams,
            intra_op_threads,
            solo_threads,
            max_batch_size,
            profile,
          }),
        ),
      })),
    });
  };
}

/** The classes of a model. */
export function labelsRoute(models: ModelDirectory): RequestHandler {
  return async (request, response) => {
    const model = String(request.params['model']);
    const { version, labels } = await models.labels(model);
    response.json({ model, version, labels });
  };
}

/** How the service does now. */
export function operationsRoute(read: () => Promise<Operations>): RequestHandler {
  return async (_request, response) => {
    response.set('Cache-Control', 'no-store').json(await read());
  };
}

/**
 * The OpenAPI document, whole, or with the one kind of body that the query asks for. Serialised once: as bytes, of which no answer
 * needs its own copy while it waits to be taken.
 */
export function openApiRoute(document: OpenApiDocument): RequestHandler {
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
}

export const liveRoute: RequestHandler = (_request, response) => {
  response.json({ status: 'live' });
};

export function readyRoute(readiness: ReadinessCheck): RequestHandler {
  return async (_request, response) => {
    const { ready, reasons } = await readiness();
    response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not_ready', reasons });
  };
}

/** `refresh` brings up to date what is not counted as it happens. */
export function metricsRoute(registry: Registry, refresh: () => Promise<void>): RequestHandler {
  return async (request, response) => {
    requireAccepted(request, 'text/plain');
    await refresh();
    response.set('Content-Type', registry.contentType).send(await registry.metrics());
  };
}
