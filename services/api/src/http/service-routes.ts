/** What tells of the service itself: /v1/models, /v1/operations, /health and /metrics. */
import { json, pathParameter, text } from '../openapi/operation.js';
import type { Endpoint } from './route-table.js';

/** Every known model, with the workers that serve it now. */
export const models: Endpoint = {
  operation: {
    id: 'listModels',
    tag: 'service',
    summary: 'Which models there are, and which live workers serve them.',
    answers: { 200: { description: 'The models.', content: json('ModelList') } },
  },
  handler: (api) => async (_request, response) => {
    const [list, byDefault] = await Promise.all([api.models.list(), api.models.defaultModel()]);
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
  },
};

export const labels: Endpoint = {
  operation: {
    id: 'listLabels',
    tag: 'service',
    summary: 'The classes of a model.',
    description: 'As the worker of the model that started last has them, also while none lives.',
    parameters: [pathParameter('model', 'The name of the model.')],
    answers: { 200: { description: 'The classes, in the order of their numbers.', content: json('LabelList') } },
    codes: ['model_not_found'],
  },
  handler: (api) => async (request, response) => {
    const model = String(request.params['model']);
    const { version, labels } = await api.models.labels(model);
    response.json({ model, version, labels });
  },
};

export const operations: Endpoint = {
  operation: {
    id: 'readOperations',
    tag: 'service',
    summary: 'How the service does now: throughput, queue, latencies and workers of the last minute.',
    description: 'Of all clients together, a second old at most; what workers tell of themselves, up to four.',
    answers: { 200: { description: 'The state.', content: json('Operations') } },
  },
  handler: (api) => async (_request, response) => {
    response.set('Cache-Control', 'no-store').json(await api.operations());
  },
};

export const live: Endpoint = {
  operation: {
    id: 'checkLive',
    tag: 'service',
    summary: 'Whether the process answers.',
    answers: { 200: { description: 'It does.', content: json('Health') } },
  },
  handler: () => (_request, response) => {
    response.json({ status: 'live' });
  },
};

export const ready: Endpoint = {
  operation: {
    id: 'checkReady',
    tag: 'service',
    summary: 'Whether it may be sent work.',
    answers: {
      200: { description: 'It may.', content: json('Health') },
      503: { description: 'It may not; the reasons are told.', content: json('Health') },
    },
  },
  handler: (api) => async (_request, response) => {
    const { ready, reasons } = await api.readiness();
    response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not_ready', reasons });
  },
};

export const metrics: Endpoint = {
  operation: {
    id: 'readMetrics',
    tag: 'service',
    summary: "Measurements, in Prometheus' text format; on a port of its own where METRICS_PORT is set.",
    answers: { 200: { description: 'The metrics.', content: { 'text/plain': text } } },
  },
  handler: ({ registry, refreshMetrics, servesMetrics }) =>
    servesMetrics
      ? async (_request, response) => {
          await refreshMetrics();
          response.set('Content-Type', registry.contentType).send(await registry.metrics());
        }
      : undefined,
};
