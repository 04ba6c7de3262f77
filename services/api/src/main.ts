/** The composition root of the API: configuration in, a running service out. */
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  apiVariables,
  BatchStore,
  CorrectionStore,
  connectRedis,
  createApiMetrics,
  createReadinessCheck,
  createServiceMetrics,
  IdempotencyStore,
  DeliveryIndex,
  DeliveryLog,
  DisabledEndpoints,
  EndedJobsLog,
  JobList,
  JobStore,
  OpenJobs,
  OutputStore,
  Presence,
  ProblemError,
  packageVersion,
  ResultCache,
  redisMemory,
  runService,
  startObservabilityServer,
  type ConfigOf,
  type Logger,
} from '@quintet/shared';
import { openKeyRing } from './auth/open-key-ring.js';
import { createApp } from './http/app.js';
import { EventStreams } from './http/event-streams.js';
import { authenticate } from './http/authenticate.js';
import { createBatchUploadReader } from './http/body/batch/read-batch-upload.js';
import { createUploadReader } from './http/body/read-upload.js';
import { UploadBudget } from './http/body/upload-budget.js';
import { createBytesReader } from './http/compat/read-bytes.js';
import { SubmissionGate } from './http/gate.js';
import { loadPage } from './http/page-files.js';
import { pageHint } from './http/page-routes.js';
import { alwaysAnswered } from './http/problems.js';
import { routes } from './http/routes.js';
import { startServer } from './http/server.js';
import {
  Admission,
  DrainRates,
  Idempotency,
  JobEvents,
  JobWaiters,
  MemoryGuard,
  ModelDirectory,
} from './jobs/index.js';
import {
  cached,
  QueuePositions,
  Queues,
  readOperations,
  refreshDepths,
  requireRedis,
  startSweep,
} from './jobs/index.js';
import { RateLimits } from './limits/rate-limits.js';

/** Memory that all uploads under way may take together: at least this, and at least four of the largest. */
const uploadBudgetBytes = 512 * 1024 * 1024;
/** How many of the largest batches may be on disk at once, /tmp in a container: docker-compose.yml has room for these. */
const spoolsAtOnce = 2;

/** Whoever asks how the service does shares one look at it with all who ask in this time. */
const operationsMs = 1000;
/** Under the minute after which load balancers cut a silent connection, with room for several lost beats. */
const heartbeatMs = 15_000;
/** About 30 KB each. */
const mostEventStreams = 10_000;

async function start(config: ConfigOf<typeof apiVariables>, logger: Logger): Promise<() => Promise<void>> {
  // Not ready from the first moment of stopping on; closed to submissions once load balancers had time to notice.
  let stopping = false;
  let closed = false;
  const version = packageVersion(import.meta.url);
  const { registry, stop: stopMetrics } = createServiceMetrics({ service: 'api', version });
  const metrics = createApiMetrics(registry);
  const redis = connectRedis(config, 'request', logger);
  const subscriber = connectRedis(config, 'subscriber', logger);
  const queues = new Queues(redis);
  const store = new JobStore(redis);
  const presence = new Presence(redis);
  const models = new ModelDirectory(presence, config.DEFAULT_MODEL, logger);
  const waiters = new JobWaiters((size) => {
    metrics.waiters.set(size);
  });
  waiters.subscribe(subscriber);
  const rates = new DrainRates({ front: (model, former) => queues.front(model, former), workers: models.workers });
  const rateOf = (model: string): Promise<number> => rates.of(model);
  const positions = new QueuePositions(queues, rateOf);
  const retention = { store, queues, resultTtlSeconds: config.RESULT_TTL_SECONDS };
  const events = new JobEvents({ ...retention, positions });
  events.subscribe(subscriber);
  const streams = new EventStreams({
    heartbeatMs,
    most: mostEventStreams,
    onSize: (size) => {
      metrics.eventStreams.set(size);
    },
  });
  const admission = new Admission({
    maxDepth: config.MAX_QUEUE_DEPTH,
    waiting: (model) => queues.waiting(model),
    rateOf,
  });

  const log = new DeliveryLog(redis, config.RESULT_TTL_SECONDS);
  const webhooks = {
    webhooksEnabled: config.WEBHOOK_SECRET !== undefined,
    allowPrivateHosts: config.ALLOW_PRIVATE_HOSTS,
    endpoints: new DisabledEndpoints(redis),
  };
  const readiness = createReadinessCheck(redis, () => (stopping ? ['The service is stopping'] : []));
  const refreshMetrics = (): Promise<void> => refreshDepths(metrics.queueDepth, queues, models);
  const keys = await openKeyRing({
    entries: config.API_KEYS,
    file: config.API_KEYS_FILE,
    host: config.HOST,
    logger,
  });
  const rateLimits = new RateLimits(redis);
  const checkOpen = (): void => {
    if (closed) {
      throw new ProblemError('shutting_down', 'This instance is stopping. Try again, on another connection.', {
        headers: { 'Retry-After': '1', Connection: 'close' },
      });
    }
    requireRedis(redis);
  };
  const memory = new MemoryGuard({ part: config.REDIS_MEMORY_LIMIT, memory: () => redisMemory(redis) });
  const gate = new SubmissionGate({
    memory,
    admission,
    models,
    rates: rateLimits,
    openJobs: new OpenJobs(redis),
    checkOpen,
  });
  const budget = new UploadBudget(Math.max(uploadBudgetBytes, 4 * config.MAX_UPLOAD_BYTES));
  // More than may wait in a queue could never be taken.
  const maxItems = Math.min(config.MAX_BATCH_ITEMS, config.MAX_QUEUE_DEPTH);
  const submission = {
    ...retention,
    ...webhooks,
    positions,
    models,
    rates,
    admission,
    memory,
    imageLimits: { maxPixels: config.MAX_IMAGE_PIXELS, maxDecodeBytes: config.MAX_DECODE_BYTES },
    queueTtlSeconds: config.QUEUE_TTL_SECONDS,
  };

  const deliveryIndex = new DeliveryIndex(redis, log);
  const operations = {
    endedJobs: new EndedJobsLog(redis),
    queues,
    models,
    rates,
    deliveries: deliveryIndex,
    memory: () => redisMemory(redis),
    maxDepth: config.MAX_QUEUE_DEPTH,
  };
  const page = await loadPage(fileURLToPath(new URL('.', import.meta.resolve('@quintet/web/dist/index.html'))));
  if (page === undefined) logger.warn(pageHint);

  const app = createApp({
    version,
    logger,
    registry,
    metrics,
    models,
    operations: cached(operationsMs, () => readOperations(operations)),
    idempotency: new Idempotency(new IdempotencyStore(redis, config.IDEMPOTENCY_TTL_SECONDS)),
    waiters,
    events,
    streams,
    readiness,
    jobs: {
      ...submission,
      list: new JobList(redis),
      corrections: new CorrectionStore(redis),
      labels: (model) => presence.labels(model),
      cache: config.RESULT_CACHE_TTL_SECONDS === 0 ? undefined : new ResultCache(redis),
      onCacheLookup: (model, result) => {
        metrics.cacheLookups.inc({ model, result });
      },
    },
    batches: {
      ...submission,
      jobs: store,
      batches: new BatchStore(redis),
      sharesAnswers: config.RESULT_CACHE_TTL_SECONDS > 0,
      maxItems,
      maxBytes: config.MAX_BATCH_BYTES,
    },
    deliveries: { ...webhooks, log, index: deliveryIndex, store, queues },
    readUpload: createUploadReader(config.MAX_UPLOAD_BYTES, budget),
    readBatchUpload: createBatchUploadReader({
      maxItems,
      maxBytes: config.MAX_BATCH_BYTES,
      maxItemBytes: config.MAX_UPLOAD_BYTES,
      memory: budget,
      disk: new UploadBudget(spoolsAtOnce * config.MAX_BATCH_BYTES),
    }),
    readBytes: createBytesReader(budget),
    outputs: new OutputStore(redis),
    maxUploadBytes: config.MAX_UPLOAD_BYTES,
    maxWaitSeconds: config.MAX_WAIT_SECONDS,
    gate,
    checkOpen,
    authenticate: authenticate({
      routes,
      keys: keys?.ring,
      rates: rateLimits,
      perMinute: config.RATE_LIMIT_PER_MINUTE,
      concurrency: config.MAX_CONCURRENT_JOBS_PER_CLIENT,
    }),
    keyed: keys !== undefined,
    proxies: config.TRUST_PROXY,
    corsOrigins: config.CORS_ORIGINS,
    servesMetrics: config.METRICS_PORT === undefined,
    refreshMetrics,
    page,
  });
  const observability =
    config.METRICS_PORT === undefined
      ? undefined
      : await startObservabilityServer({
          host: config.HOST,
          port: config.METRICS_PORT,
          registry,
          readiness,
          refresh: refreshMetrics,
        });
  const server = await startServer(
    alwaysAnswered(app, (path) => routes.errorsAt(path), logger),
    {
      host: config.HOST,
      port: config.PORT,
      logger,
      maxConnections: config.MAX_CONNECTIONS,
    },
  );
  const stopSweep = startSweep(retention, logger);
  logger.info({ port: server.port, host: config.HOST, version, metrics_port: observability?.port }, 'listening');

  return async () => {
    stopping = true;
    server.leave();
    if (config.DRAIN_SECONDS > 0) {
      logger.info({ seconds: config.DRAIN_SECONDS }, 'no longer ready; serving on for load balancers to notice');
      await delay(config.DRAIN_SECONDS * 1000);
    }
    closed = true;
    stopSweep();
    keys?.close();
    waiters.close();
    streams.close();
    await server.close(config.SHUTDOWN_SECONDS * 1000);
    await observability?.close();
    stopMetrics();
    await queues.close();
    subscriber.disconnect();
    redis.disconnect();
  };
}

runService({ name: 'api' }, apiVariables, start);
