/**
 * The worker: takes orders of one model from its queue and answers them. Beside that it fetches the pictures of jobs that name
 * an address, of every model.
 *
 * States: loading the model → tuning it (the first time on this machine, or later, when idle) → warming → ready → draining → stopped. It is ready once every stream is warm and its first
 * heartbeat is in Redis, and takes no order before. A stream pool that cannot be kept alive ends the process: its orders
 * go to other workers when their locks run out.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { ensureDefaultModel, ensureModel, type EnsureModelOptions, type Model } from '@quintet/models';
import { GuardedClient } from '@quintet/outbound';
import {
  availableCores,
  connectRedis,
  createReadinessCheck,
  createServiceMetrics,
  createWorkerMetrics,
  defaultModels,
  endNow,
  JobStore,
  OutputStore,
  packageVersion,
  Presence,
  ResultCache,
  runService,
  startObservabilityServer,
  unlessStranded,
  Watchdog,
  workerVariables,
  type ConfigOf,
  type Logger,
  type ModelRef,
  type WorkerMetrics,
} from '@quintet/shared';
import { Coalescing } from './consume/coalescing.js';
import { Consumer } from './consume/consumer.js';
import { RateMeter, startHeartbeat } from './consume/heartbeat.js';
import { startEngine, type Engine } from './engine.js';
import { createExplainer } from './explain/explainer.js';
import { Fetcher } from './fetch/fetcher.js';
import { watchHeldWork } from './held-work.js';
import { bundledBackends, detectHardware, providersToTry } from './inference/hardware.js';
import { createPreprocessPool, silenceMs } from './preprocess/index.js';
import { IdleTuning } from './profile/idle-tuning.js';

/** Left of SHUTDOWN_SECONDS for handing back, for the last batches, and for Redis. */
const handBackReserveMs = 5000;

/** How long a stopping worker waits for a Redis that is away. */
const strandedMs = 3000;

runService({ name: 'worker', nativeThreads: true }, workerVariables, async (config, logger) => {
  const version = packageVersion(import.meta.url);
  const { registry, stop: stopServiceMetrics } = createServiceMetrics({ service: 'worker', version });
  const metrics = createWorkerMetrics(registry);
  const redis = connectRedis(config, 'worker', logger);
  const health = connectRedis(config, 'request', logger);
  const watchdog = new Watchdog();
  let missing: readonly string[] = ['the model is being loaded'];
  const server = await startObservabilityServer({
    host: config.HOST,
    port: config.METRICS_PORT,
    registry,
    readiness: createReadinessCheck(health, () => [...missing, ...watchdog.reasons]),
  });
  logger.info({ port: server.port, version }, 'listening');

  const model = await fetchModel(config, logger);
  const ref: ModelRef = { name: model.manifest.name, version: model.manifest.version, weights: model.manifest.weights };
  const label = { model: ref.name };
  missing = ['the model is warming up'];
  const cores = availableCores();
  const engine = await startEngine({
    model,
    providers: providersToTry(config.EXECUTION_PROVIDER, detectHardware(await bundledBackends())),
    cores,
    settings: config,
    logger,
    onBatch: (size) => {
      metrics.batchSize.observe(label, size);
    },
    onRestart: () => {
      metrics.streamRestarts.inc(label);
    },
    onFatal: (error) => {
      logger.fatal({ error }, 'inference cannot go on');
      endNow();
    },
  });
  const onStuck = (error: Error): void => {
    logger.fatal({ error }, 'the worker is stuck; it ends, and its jobs go to others');
    endNow();
  };
  const held = watchHeldWork({
    watchdog,
    silenceMs: silenceMs(config.DECODE_TIMEOUT_SECONDS * 1000),
    runLimitMs: engine.pool.runLimitMs,
    fetchTimeoutMs: config.FETCH_TIMEOUT_SECONDS * 1000,
    logger,
    onFatal: onStuck,
  });
  const { classifier, slots, pool, layout, choice, provider: device } = engine;
  const spec = model.manifest.preprocess;
  const preprocessor = createPreprocessPool(
    {
      spec,
      maxPixels: config.MAX_IMAGE_PIXELS,
      maxDecodeBytes: config.MAX_DECODE_BYTES,
      timeoutMs: config.DECODE_TIMEOUT_SECONDS * 1000,
    },
    slots.buffer,
    Math.ceil(cores / 2),
    { watchdog, onStuck },
  );
  await preprocessor.start();
  const worker = config.WORKER_ID ?? `${hostname()}-${randomBytes(3).toString('hex')}`;
  publishEngine(engine, ref, metrics);
  const coalescing = new Coalescing({
    cache: new ResultCache(redis),
    onError: (error) => {
      logger.warn({ error }, 'a claim to compute an answer could not be renewed or given up; it runs out by itself');
    },
  });
  const tuning =
    engine.measureLater &&
    new IdleTuning({ measure: engine.measureLater, isBusy: () => slots.held > 0, cores, logger });
  const subscriber = connectRedis(config, 'subscriber', logger);
  const fed = Math.min(Math.ceil(slots.count / 2), layout.streams * pool.maxBatch);
  const meter = new RateMeter({ full: slots.count, fed }, choice?.imagesPerSecond);
  const store = new JobStore(redis);
  const consumer = new Consumer({
    redis,
    store,
    outputs: new OutputStore(redis),
    slots,
    preprocessor,
    classifier,
    held,
    explain: engine.explains ? createExplainer(model.labels, spec) : undefined,
    sharing:
      config.RESULT_CACHE_TTL_SECONDS === 0 ? undefined : { coalescing, ttlSeconds: config.RESULT_CACHE_TTL_SECONDS },
    tuning,
    model: ref,
    worker,
    device,
    retentionSeconds: config.RESULT_TTL_SECONDS,
    meter,
    metrics,
    logger,
  });
  const fetcher = new Fetcher({
    redis,
    store,
    fetches: held.fetches,
    client: new GuardedClient(config.ALLOW_PRIVATE_HOSTS),
    allowPrivateHosts: config.ALLOW_PRIVATE_HOSTS,
    maxBytes: config.MAX_UPLOAD_BYTES,
    imageLimits: { maxPixels: config.MAX_IMAGE_PIXELS, maxDecodeBytes: config.MAX_DECODE_BYTES },
    timeoutMs: config.FETCH_TIMEOUT_SECONDS * 1000,
    userAgent: `Quintet-Fetch/${version}`,
    worker,
    retentionSeconds: config.RESULT_TTL_SECONDS,
    concurrency: config.FETCH_CONCURRENCY,
    metrics,
    logger,
  });
  const heartbeat = await startHeartbeat(
    new Presence(redis),
    {
      id: worker,
      model: { ...ref, explainable: engine.explains, preprocess: { resize: spec.resize, crop: spec.crop } },
      device,
      since: new Date().toISOString(),
      streams: layout.streams,
      intra_op_threads: layout.intraOpThreads,
      ...(choice?.solo && { solo_threads: choice.solo.intraOpThreads }),
      max_batch_size: pool.maxBatch,
      ...(choice && {
        profile: {
          optimized_for: config.OPTIMIZE,
          images_per_second: Math.round(choice.imagesPerSecond * 100) / 100,
          latency_ms: Object.fromEntries([...engine.latencyMs].map(([size, ms]) => [size, Math.round(ms * 100) / 100])),
        },
      }),
      ...(engine.tensors && { tensors: engine.tensors }),
    },
    model.labels,
    meter,
    pool,
    logger,
  );
  consumer.hearCancels(subscriber);
  consumer.start();
  fetcher.start();
  missing = [];
  logger.info(
    { worker, model: ref.name, version: ref.version, weights: ref.weights, device, streams: layout.streams },
    'worker ready',
  );

  return async () => {
    missing = ['the worker is stopping'];
    await tuning?.stop();
    const graceMs = Math.max(500, config.SHUTDOWN_SECONDS * 1000 - handBackReserveMs);
    const drained = Promise.allSettled([heartbeat.stop(), consumer.drain(graceMs), fetcher.drain(graceMs)]);
    if ((await unlessStranded(drained, redis, () => true, strandedMs)) === 'stranded') {
      logger.warn('stopped without Redis; what was held is given out again when its locks run out');
    }
    await Promise.allSettled([classifier.stop(), preprocessor.close(), server.close()]);
    stopServiceMetrics();
    watchdog.stop();
    redis.disconnect();
    subscriber.disconnect();
    health.disconnect();
  };
});

type Config = ConfigOf<typeof workerVariables>;

async function fetchModel(config: Config, logger: Logger): Promise<Model> {
  const dataDir = resolve(config.DATA_DIR);
  const options: Omit<EnsureModelOptions, 'name'> = {
    modelsDir: config.MODELS_DIR === undefined ? join(dataDir, 'models') : resolve(config.MODELS_DIR),
    baseUrl: config.MODEL_BASE_URL,
    log: (level, message, fields) => {
      logger[level]({ ...fields }, message);
    },
  };
  return config.MODEL === undefined
    ? ensureDefaultModel({ ...options, names: defaultModels })
    : ensureModel({ ...options, name: config.MODEL });
}

/** What runs, and what was measured to choose it. */
function publishEngine(engine: Engine, ref: ModelRef, metrics: WorkerMetrics): void {
  metrics.info.set(
    {
      model: ref.name,
      version: ref.version ?? '',
      weights: ref.weights ?? '',
      device: engine.provider,
      streams: String(engine.layout.streams),
      intra_op_threads: String(engine.layout.intraOpThreads),
      max_batch_size: String(engine.pool.maxBatch),
    },
    1,
  );
  for (const { streams, intraOpThreads, batch, latencyMs, imagesPerSecond } of engine.rows) {
    const labels = { model: ref.name, streams, intra_op_threads: intraOpThreads, batch };
    metrics.profileLatency.set(labels, latencyMs / 1000);
    metrics.profileRate.set(labels, imagesPerSecond);
  }
}
