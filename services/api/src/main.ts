/** The composition root of the API: configuration in, a running service out. */
import {
  apiVariables,
  connectRedis,
  createApiMetrics,
  createReadinessCheck,
  createServiceMetrics,
  JobStore,
  Presence,
  ProblemError,
  packageVersion,
  runService,
  type ConfigOf,
  type Logger,
} from '@quintet/shared';
import { createApp } from './http/app.js';
import { createUploadReader } from './http/body/read-upload.js';
import { UploadBudget } from './http/body/upload-budget.js';
import { startServer } from './http/server.js';
import { Admission, JobWaiters, ModelDirectory, Queues, refreshDepths, requireRedis } from './jobs/index.js';

/** Memory that all uploads under way may take together: at least this, and at least four of the largest. */
const uploadBudgetBytes = 512 * 1024 * 1024;

async function start(config: ConfigOf<typeof apiVariables>, logger: Logger): Promise<() => Promise<void>> {
  let stopping = false;
  const version = packageVersion(import.meta.url);
  const { registry, stop: stopMetrics } = createServiceMetrics({ service: 'api', version });
  const metrics = createApiMetrics(registry);
  const redis = connectRedis(config.REDIS_URL, 'request', logger);
  const subscriber = connectRedis(config.REDIS_URL, 'subscriber', logger);
  const queues = new Queues(redis);
  const presence = new Presence(redis);
  const models = new ModelDirectory(presence, config.DEFAULT_MODEL);
  const waiters = new JobWaiters((size) => {
    metrics.waiters.set(size);
  });
  waiters.subscribe(subscriber);
  const admission = new Admission({
    maxDepth: config.MAX_QUEUE_DEPTH,
    waiting: (model) => queues.waiting(model),
    workers: models.workers,
  });

  const app = createApp({
    version,
    logger,
    registry,
    metrics,
    models,
    waiters,
    readiness: createReadinessCheck(redis, () => (stopping ? ['The service is stopping'] : [])),
    jobs: {
      store: new JobStore(redis),
      queues,
      models,
      admission,
      maxImagePixels: config.MAX_IMAGE_PIXELS,
      maxDecodeBytes: config.MAX_DECODE_BYTES,
      queueTtlSeconds: config.QUEUE_TTL_SECONDS,
      resultTtlSeconds: config.RESULT_TTL_SECONDS,
      webhooksEnabled: config.WEBHOOK_SECRET !== undefined,
      allowPrivateHosts: config.ALLOW_PRIVATE_HOSTS,
    },
    readUpload: createUploadReader(
      config.MAX_UPLOAD_BYTES,
      new UploadBudget(Math.max(uploadBudgetBytes, 4 * config.MAX_UPLOAD_BYTES)),
    ),
    maxWaitSeconds: config.MAX_WAIT_SECONDS,
    checkOpen: () => {
      if (stopping) {
        throw new ProblemError('shutting_down', 'This instance is stopping. Try again, on another connection.', {
          headers: { 'Retry-After': '1', Connection: 'close' },
        });
      }
      requireRedis(redis);
    },
    refreshMetrics: () => refreshDepths(metrics.queueDepth, queues, models),
  });
  const server = await startServer(app, { host: config.HOST, port: config.PORT, logger });
  logger.info({ port: server.port, host: config.HOST, version }, 'listening');

  return async () => {
    stopping = true;
    waiters.close();
    await server.close(config.SHUTDOWN_SECONDS * 1000);
    stopMetrics();
    await queues.close();
    subscriber.disconnect();
    redis.disconnect();
  };
}

runService('api', apiVariables, start);
