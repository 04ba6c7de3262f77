/** Composition root of the webhook service: delivers the ends of jobs, signed, to the addresses their clients named. */
import { GuardedClient } from '@quintet/outbound';
import {
  BatchStore,
  connectRedis,
  createReadinessCheck,
  createServiceMetrics,
  createWebhookMetrics,
  DeliveryLog,
  DisabledEndpoints,
  endNow,
  JobStore,
  packageVersion,
  runService,
  startObservabilityServer,
  webhooksVariables,
  type ConfigOf,
  type Logger,
  type Redis,
  Watchdog,
  type WatchedPlace,
  type WebhookMetrics,
} from '@quintet/shared';
import { startDeliveryWorker, type DeliveryWorker } from './consume/delivery-worker.js';
import { startOutbox } from './consume/outbox.js';
import { attempt, type AttemptSettings } from './deliver/attempt.js';
import { prepareMessage } from './deliver/message.js';
import { attemptOutcomes, deliveryOutcomes } from './deliver/outcome.js';
import { decodeSecret } from './deliver/sign.js';

type Config = ConfigOf<typeof webhooksVariables>;

/** How late the end of an attempt may be on a busy machine. */
const lateMs = 10_000;

const now = (): Date => new Date();

function startDeliveries(
  config: Config,
  secrets: readonly string[],
  version: string,
  redis: Redis,
  metrics: WebhookMetrics,
  attempts: WatchedPlace,
  logger: Logger,
): DeliveryWorker {
  const source = {
    store: new JobStore(redis),
    batches: new BatchStore(redis),
    retentionSeconds: config.RESULT_TTL_SECONDS,
    now,
  };
  const settings: AttemptSettings = {
    keys: secrets.map(decodeSecret),
    client: new GuardedClient(config.ALLOW_PRIVATE_HOSTS),
    allowPrivateHosts: config.ALLOW_PRIVATE_HOSTS,
    timeoutMs: config.WEBHOOK_TIMEOUT_SECONDS * 1000,
    userAgent: `Quintet-Webhooks/${version}`,
    metrics,
    now,
  };
  return startDeliveryWorker({
    connection: redis,
    concurrency: config.WEBHOOK_CONCURRENCY,
    schedule: config.WEBHOOK_SCHEDULE_SECONDS,
    log: new DeliveryLog(redis, config.RESULT_TTL_SECONDS),
    endpoints: new DisabledEndpoints(redis),
    hostConcurrency: config.WEBHOOK_HOST_CONCURRENCY,
    prepare: (order, log) => prepareMessage(order, source, log),
    attempt: (id, message, mayConnect, signal) =>
      attempts.during(() => attempt(id, message, settings, mayConnect, signal)),
    now,
    metrics,
    logger,
  });
}

runService({ name: 'webhooks' }, webhooksVariables, async (config, logger) => {
  const version = packageVersion(import.meta.url);
  const { registry, stop: stopSampling } = createServiceMetrics({ service: 'webhooks', version });
  const metrics = createWebhookMetrics(registry);
  for (const outcome of attemptOutcomes) metrics.attempts.inc({ outcome }, 0);
  for (const outcome of deliveryOutcomes) metrics.deliveries.inc({ outcome }, 0);

  const redis = connectRedis(config, 'worker', logger);
  // Deliveries wait for Redis; a question about readiness must not.
  const probe = connectRedis(config, 'request', logger);

  const watchdog = new Watchdog();
  const attempts = watchdog.watchVital({
    name: 'attempts to deliver',
    // Each ends by itself in its time limit.
    limitMs: 2 * config.WEBHOOK_TIMEOUT_SECONDS * 1000 + lateMs,
    logger,
    onFatal: (error) => {
      logger.fatal({ error }, 'deliveries are stuck; the process ends, and others make them');
      endNow();
    },
  });
  const secrets = config.WEBHOOK_SECRET;
  const worker =
    secrets === undefined ? undefined : startDeliveries(config, secrets, version, redis, metrics, attempts, logger);
  const blocking = worker && connectRedis(config, 'worker', logger);
  const outbox = blocking && startOutbox({ connection: redis, blocking, store: new BatchStore(blocking), logger });
  if (worker === undefined) {
    logger.warn('WEBHOOK_SECRET is not set: nothing is delivered; deliveries wait in the queue until it is');
  }

  let stopping = false;
  const readiness = createReadinessCheck(probe, () => [
    ...(stopping ? ['stopping'] : []),
    ...watchdog.reasons,
    ...(worker?.running() === false ? ['the queue consumer does not run'] : []),
  ]);
  const server = await startObservabilityServer({
    host: config.HOST,
    port: config.METRICS_PORT,
    registry,
    readiness,
  });
  logger.info({ port: server.port, version, private_hosts: config.ALLOW_PRIVATE_HOSTS }, 'listening');

  return async () => {
    stopping = true;
    await outbox?.stop();
    await worker?.stop(config.SHUTDOWN_SECONDS * 1000);
    await server.close();
    stopSampling();
    watchdog.stop();
    redis.disconnect();
    probe.disconnect();
  };
});
