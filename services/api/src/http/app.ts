/** The Express application: which route is answered by what. */
import express, { type Express, type RequestHandler } from 'express';
import type { ApiMetrics, Logger, Operations, ReadinessCheck, Registry } from '@quintet/shared';
import {
  findJob,
  readExplanation,
  readJob,
  type JobWaiters,
  type ListContext,
  type ModelDirectory,
  type ReadContext,
} from '../jobs/index.js';
import type {
  CancelContext,
  Client,
  CorrectContext,
  DeliveriesContext,
  ExplanationContext,
  Idempotency,
  JobEvents,
} from '../jobs/index.js';
import type { SubmitContext, TestWebhookContext } from '../jobs/index.js';
import { docsPage } from '../docs-page/docs-page.js';
import { openApiDocument } from '../openapi/document.js';
import {
  batchResultsRoute,
  cancelBatchRoute,
  readBatchRoute,
  submitBatchRoute,
  type BatchRoutes,
} from './batch-routes.js';
import type { BatchUploadReader } from './body/batch/read-batch-upload.js';
import type { UploadReader } from './body/read-upload.js';
import type { CompatRoutes } from './compat/hugging-face-route.js';
import { addCompatRoutes } from './compat/routes.js';
import {
  jobDeliveriesRoute,
  listDeliveriesRoute,
  readDeliveryRoute,
  redeliverRoute,
  testWebhookRoute,
} from './delivery-routes.js';
import type { EventStreams } from './event-streams.js';
import { docsRoute } from './docs-route.js';
import { eventsRoute } from './events-route.js';
import { explanationRoute } from './explanation-route.js';
import { crossOrigin, securityHeaders } from './hardening.js';
import type { SubmissionGate } from './gate.js';
import { correctRoute, uncorrectRoute } from './correction-route.js';
import { cancelRoute, listRoute, readRoute } from './job-routes.js';
import type { PageFiles } from './page-files.js';
import { homeRoute, pageFileRoute } from './page-routes.js';
import { acceptsJson, onlyMethods, problemHandler, routeNotFound } from './problems.js';
import { requestContext } from './request-context.js';
import {
  indexRoute,
  labelsRoute,
  liveRoute,
  metricsRoute,
  modelsRoute,
  openApiRoute,
  operationsRoute,
  readyRoute,
} from './service-routes.js';
import { submitRoute } from './submit-route.js';

export interface AppOptions {
  readonly version: string;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly metrics: ApiMetrics;
  readonly readiness: ReadinessCheck;
  readonly jobs: SubmitContext & ReadContext & ListContext & CancelContext & ExplanationContext & CorrectContext;
  readonly deliveries: DeliveriesContext & TestWebhookContext;
  readonly batches: BatchRoutes['batches'];
  readonly readBatchUpload: BatchUploadReader;
  readonly models: ModelDirectory;
  /** How the service does now. */
  readonly operations: () => Promise<Operations>;
  readonly idempotency: Idempotency;
  readonly waiters: JobWaiters;
  readonly events: JobEvents;
  readonly streams: EventStreams;
  readonly readUpload: UploadReader;
  /** Of other protocols; the rest of what they need is above. */
  readonly compat: Pick<CompatRoutes, 'readBytes' | 'outputs' | 'maxUploadBytes'>;
  readonly maxWaitSeconds: number;
  /** What a submission has to pass before it is read. */
  readonly gate: SubmissionGate;
  /** Throws where nothing can be taken at all: the service stops, or Redis is away. */
  readonly checkOpen: () => void;
  /** Finds out who asks, and refuses who may not. */
  readonly authenticate: RequestHandler;
  /** Whether it asks for keys. */
  readonly keyed: boolean;
  /** TRUST_PROXY. */
  readonly proxies: number;
  /** CORS_ORIGINS; undefined: none. */
  readonly corsOrigins: readonly string[] | undefined;
  /** Whether /metrics is on this port, and not on one of its own. */
  readonly servesMetrics: boolean;
  readonly refreshMetrics: () => Promise<void>;
  /** Undefined: it is not built. */
  readonly page: PageFiles | undefined;
}

export function createApp(options: AppOptions): Express {
  const { jobs, deliveries, waiters, maxWaitSeconds, metrics, checkOpen, page } = options;
  const read = (id: string, client: Client) => readJob(jobs, id, client);
  const find = (id: string) => findJob(jobs, id);
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').set('query parser', false);
  app.set('trust proxy', options.proxies);
  app.use(requestContext(options.logger, metrics));
  app.use(securityHeaders);
  if (options.corsOrigins !== undefined) app.use(crossOrigin(options.corsOrigins));
  app.use(options.authenticate);

  app
    .route('/')
    .get(homeRoute(page), acceptsJson, indexRoute(options.version, options.servesMetrics, page !== undefined))
    .all(onlyMethods('GET', 'HEAD'));
  app.route('/assets/:name').get(pageFileRoute(page)).all(onlyMethods('GET', 'HEAD'));
  app.route('/favicon.svg').get(pageFileRoute(page)).all(onlyMethods('GET', 'HEAD'));
  const document = openApiDocument(options.version);
  app.route('/openapi.json').get(acceptsJson, openApiRoute(document)).all(onlyMethods('GET', 'HEAD'));
  app
    .route('/docs')
    .get(docsRoute(docsPage(document, options)))
    .all(onlyMethods('GET', 'HEAD'));
  app.route('/health/live').get(acceptsJson, liveRoute).all(onlyMethods('GET', 'HEAD'));
  app.route('/health/ready').get(acceptsJson, readyRoute(options.readiness)).all(onlyMethods('GET', 'HEAD'));
  if (options.servesMetrics) {
    app.route('/metrics').get(metricsRoute(options.registry, options.refreshMetrics)).all(onlyMethods('GET', 'HEAD'));
  }

  app
    .route('/v1/jobs')
    .get(acceptsJson, listRoute(jobs))
    .post(acceptsJson, submitRoute({ ...options, submit: jobs, read, find }))
    .all(onlyMethods('GET', 'HEAD', 'POST'));
  app
    .route('/v1/jobs/:id')
    .get(acceptsJson, readRoute({ read, waiters, maxWaitSeconds }))
    .delete(acceptsJson, cancelRoute(jobs, metrics))
    .all(onlyMethods('GET', 'HEAD', 'DELETE'));
  app.route('/v1/jobs/:id/events').get(eventsRoute(options)).all(onlyMethods('GET', 'HEAD'));
  app
    .route('/v1/jobs/:id/explanation.png')
    .get(explanationRoute((id, client) => readExplanation(jobs, id, client)))
    .all(onlyMethods('GET', 'HEAD'));
  app
    .route('/v1/jobs/:id/correction')
    .put(acceptsJson, correctRoute(jobs))
    .delete(acceptsJson, uncorrectRoute(jobs))
    .all(onlyMethods('PUT', 'DELETE'));
  app.route('/v1/jobs/:id/deliveries').get(acceptsJson, jobDeliveriesRoute(deliveries)).all(onlyMethods('GET', 'HEAD'));
  app.route('/v1/deliveries').get(acceptsJson, listDeliveriesRoute(deliveries)).all(onlyMethods('GET', 'HEAD'));
  app.route('/v1/deliveries/:id').get(acceptsJson, readDeliveryRoute(deliveries)).all(onlyMethods('GET', 'HEAD'));
  app
    .route('/v1/deliveries/:id/redeliver')
    .post(acceptsJson, redeliverRoute(deliveries, metrics, checkOpen))
    .all(onlyMethods('POST'));
  app.route('/v1/webhooks/test').post(acceptsJson, testWebhookRoute(deliveries, checkOpen)).all(onlyMethods('POST'));
  app.route('/v1/batches').post(acceptsJson, submitBatchRoute(options)).all(onlyMethods('POST'));
  app
    .route('/v1/batches/:id')
    .get(acceptsJson, readBatchRoute(options))
    .delete(acceptsJson, cancelBatchRoute(options))
    .all(onlyMethods('GET', 'HEAD', 'DELETE'));
  app.route('/v1/batches/:id/results').get(batchResultsRoute(options)).all(onlyMethods('GET', 'HEAD'));
  app.route('/v1/models').get(acceptsJson, modelsRoute(options.models)).all(onlyMethods('GET', 'HEAD'));
  app.route('/v1/models/:model/labels').get(acceptsJson, labelsRoute(options.models)).all(onlyMethods('GET', 'HEAD'));
  app.route('/v1/operations').get(acceptsJson, operationsRoute(options.operations)).all(onlyMethods('GET', 'HEAD'));

  const visits = { jobs, read, waiters, gate: options.gate, maxWaitSeconds, metrics };
  addCompatRoutes(app, { ...options.compat, visits, models: options.models }, options);

  app.use(routeNotFound);
  app.use(problemHandler);
  return app;
}
