/** The Express application: which route is answered by what. */
import express, { type Express } from 'express';
import type { ApiMetrics, Logger, ReadinessCheck, Registry } from '@quintet/shared';
import { readJob, type JobWaiters, type ModelDirectory, type ReadContext, type SubmitContext } from '../jobs/index.js';
import type { CancelContext, Client } from '../jobs/index.js';
import {
  batchResultsRoute,
  cancelBatchRoute,
  readBatchRoute,
  submitBatchRoute,
  type BatchRoutes,
} from './batch-routes.js';
import type { BatchUploadReader } from './body/batch/read-batch-upload.js';
import type { UploadReader } from './body/read-upload.js';
import { cancelRoute, readRoute } from './job-routes.js';
import { acceptsJson, onlyMethods, problemHandler, routeNotFound } from './problems.js';
import { requestContext } from './request-context.js';
import { indexRoute, liveRoute, metricsRoute, modelsRoute, readyRoute } from './service-routes.js';
import { submitRoute } from './submit-route.js';

export interface AppOptions {
  readonly version: string;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly metrics: ApiMetrics;
  readonly readiness: ReadinessCheck;
  readonly jobs: SubmitContext & ReadContext & CancelContext;
  readonly batches: BatchRoutes['batches'];
  readonly readBatchUpload: BatchUploadReader;
  readonly models: ModelDirectory;
  readonly waiters: JobWaiters;
  readonly readUpload: UploadReader;
  readonly maxWaitSeconds: number;
  /** Throws where no submission can be taken: the service stops, or Redis is away. */
  readonly checkOpen: () => void;
  readonly refreshMetrics: () => Promise<void>;
}

export function createApp(options: AppOptions): Express {
  const { jobs, waiters, maxWaitSeconds, metrics } = options;
  const read = (id: string, client: Client) => readJob(jobs, id, client);
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').set('query parser', false);
  app.use(requestContext(options.logger, metrics));

  app.route('/').get(acceptsJson, indexRoute(options.version)).all(onlyMethods('GET', 'HEAD'));
  app.route('/health/live').get(acceptsJson, liveRoute).all(onlyMethods('GET', 'HEAD'));
  app.route('/health/ready').get(acceptsJson, readyRoute(options.readiness)).all(onlyMethods('GET', 'HEAD'));
  app.route('/metrics').get(metricsRoute(options.registry, options.refreshMetrics)).all(onlyMethods('GET', 'HEAD'));

  app
    .route('/v1/jobs')
    .post(acceptsJson, submitRoute({ ...options, submit: jobs, read }))
    .all(onlyMethods('POST'));
  app
    .route('/v1/jobs/:id')
    .get(acceptsJson, readRoute({ read, waiters, maxWaitSeconds }))
    .delete(acceptsJson, cancelRoute(jobs, metrics))
    .all(onlyMethods('GET', 'HEAD', 'DELETE'));
  app.route('/v1/batches').post(acceptsJson, submitBatchRoute(options)).all(onlyMethods('POST'));
  app
    .route('/v1/batches/:id')
    .get(acceptsJson, readBatchRoute(options))
    .delete(acceptsJson, cancelBatchRoute(options))
    .all(onlyMethods('GET', 'HEAD', 'DELETE'));
  app.route('/v1/batches/:id/results').get(batchResultsRoute(options)).all(onlyMethods('GET', 'HEAD'));
  app.route('/v1/models').get(acceptsJson, modelsRoute(options.models)).all(onlyMethods('GET', 'HEAD'));

  app.use(routeNotFound);
  app.use(problemHandler);
  return app;
}
