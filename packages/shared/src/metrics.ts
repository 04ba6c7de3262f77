/**
 * Every metric of every service, in one module. Names are `quintet_*`, units are base units, and whatever is a
 * distribution is a histogram with fixed buckets, so that replicas add up. docs/metrics.md is compared with this by a test.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { observeEventLoopLag } from './service/event-loop-lag.js';

export interface BuildInfo {
  readonly service: string;
  readonly version: string;
}

/** Seconds. Fine where a healthy service lives (1 ms to 1 s), coarse beyond. */
const latencyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const queueBuckets = [...latencyBuckets, 300, 900, 3600];

/** What every service measures. `stop` ends the sampling. */
export function createServiceMetrics(build: BuildInfo): { registry: Registry; stop: () => void } {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'quintet_', eventLoopMonitoringPrecision: 100 });
  new Gauge({
    name: 'quintet_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['service', 'version', 'node'],
    registers: [registry],
  }).set({ ...build, node: process.version }, 1);
  const lag = new Histogram({
    name: 'quintet_event_loop_lag_seconds',
    help: 'By how much a timer of the main thread comes late.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    registers: [registry],
  });
  return {
    registry,
    stop: observeEventLoopLag((seconds) => {
      lag.observe(seconds);
    }),
  };
}

export type ApiMetrics = ReturnType<typeof createApiMetrics>;

export function createApiMetrics(registry: Registry) {
  const registers = [registry];
  return {
    httpDuration: new Histogram({
      name: 'quintet_http_request_duration_seconds',
      help: 'From the request line to the end of the answer. Methods that no route answers to are `other`.',
      labelNames: ['method', 'route', 'status'],
      buckets: latencyBuckets,
      registers,
    }),
    bytesIn: new Counter({
      name: 'quintet_image_bytes_total',
      help: 'Bytes of the images that were accepted.',
      registers,
    }),
    jobsSubmitted: new Counter({
      name: 'quintet_jobs_submitted_total',
      help: 'Jobs accepted.',
      labelNames: ['model'],
      registers,
    }),
    jobsRefused: new Counter({
      name: 'quintet_jobs_refused_total',
      help: 'Submissions that were refused.',
      labelNames: ['code'],
      registers,
    }),
    jobsCanceled: new Counter({
      name: 'quintet_jobs_canceled_total',
      help: 'Jobs canceled by their client.',
      labelNames: ['model'],
      registers,
    }),
    cacheLookups: new Counter({
      name: 'quintet_result_cache_lookups_total',
      help: 'Submissions that asked for a stored answer, by whether there was one: hit or miss.',
      labelNames: ['model', 'result'],
      registers,
    }),
    idempotentReplays: new Counter({
      name: 'quintet_idempotent_replays_total',
      help: 'Submissions that were answered with what their Idempotency-Key had made before.',
      labelNames: ['route'],
      registers,
    }),
    batchItems: new Histogram({
      name: 'quintet_batch_items',
      help: 'Pictures of a batch that was accepted.',
      buckets: [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000],
      registers,
    }),
    waiters: new Gauge({
      name: 'quintet_waiting_requests',
      help: 'Requests that wait for a job to end.',
      registers,
    }),
    eventStreams: new Gauge({
      name: 'quintet_event_streams',
      help: 'Open event streams.',
      registers,
    }),
    queueDepth: new Gauge({
      name: 'quintet_queue_depth',
      help: 'Jobs in a queue by state. The same from every replica: aggregate with max, not sum.',
      labelNames: ['queue', 'state'],
      registers,
    }),
    redeliveries: new Counter({
      name: 'quintet_webhook_redeliveries_total',
      help: 'Deliveries that a client asked to be sent again.',
      registers,
    }),
  };
}

export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>;

export function createWorkerMetrics(registry: Registry) {
  const registers = [registry];
  const phase = (name: string, help: string, buckets = latencyBuckets) =>
    new Histogram({ name: `quintet_job_${name}_seconds`, help, labelNames: ['model'], buckets, registers });
  return {
    queueWait: phase('queue_wait', 'From acceptance to the start on a worker.', queueBuckets),
    fetch: phase('fetch', 'Reading the image from the store.'),
    preprocess: phase('preprocess', 'Decoding, resizing and cropping.'),
    batchWait: phase('batch_wait', 'From the crop to the start of its batch.'),
    inference: phase('inference', 'The run of the model for the batch that held the job.'),
    total: phase('total', 'From acceptance to the result.', queueBuckets),
    batchSize: new Histogram({
      name: 'quintet_batch_size',
      help: 'Images in one run of the model.',
      labelNames: ['model'],
      buckets: [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256],
      registers,
    }),
    jobs: new Counter({
      name: 'quintet_jobs_total',
      help: 'Jobs that this worker ended, by outcome and error code.',
      labelNames: ['model', 'outcome', 'code'],
      registers,
    }),
    coalesced: new Counter({
      name: 'quintet_jobs_coalesced_total',
      help: 'Jobs that were answered with what another job with the same picture computed.',
      labelNames: ['model'],
      registers,
    }),
    active: new Gauge({
      name: 'quintet_worker_active_jobs',
      help: 'Jobs that this worker holds.',
      labelNames: ['model'],
      registers,
    }),
    urlFetchAttempts: new Counter({
      name: 'quintet_url_fetch_attempts_total',
      help: 'Attempts to fetch an image_url, by what came of them: fetched, an error code, or interrupted.',
      labelNames: ['outcome'],
      registers,
    }),
    urlFetchDuration: new Histogram({
      name: 'quintet_url_fetch_attempt_duration_seconds',
      help: 'One attempt, from the look-up of the host to the last byte, redirects included.',
      buckets: latencyBuckets,
      registers,
    }),
    urlFetchBytes: new Counter({
      name: 'quintet_url_fetch_bytes_total',
      help: 'Bytes of the images that were fetched.',
      registers,
    }),
    urlFetchActive: new Gauge({
      name: 'quintet_url_fetch_active',
      help: 'Images that this worker is fetching from their image_url.',
      registers,
    }),
    streamRestarts: new Counter({
      name: 'quintet_inference_stream_restarts_total',
      help: 'Inference threads that died and were replaced.',
      labelNames: ['model'],
      registers,
    }),
    profileLatency: new Gauge({
      name: 'quintet_profile_batch_seconds',
      help: 'Time of one batch, as measured at start, by layout and batch size.',
      labelNames: ['model', 'streams', 'intra_op_threads', 'batch'],
      registers,
    }),
    profileRate: new Gauge({
      name: 'quintet_profile_images_per_second',
      help: 'Images per second of all streams, as measured at start, by layout and batch size.',
      labelNames: ['model', 'streams', 'intra_op_threads', 'batch'],
      registers,
    }),
    info: new Gauge({
      name: 'quintet_worker_info',
      help: 'Always 1; the labels say what this worker serves, and how.',
      labelNames: ['model', 'version', 'weights', 'device', 'streams', 'intra_op_threads', 'max_batch_size'],
      registers,
    }),
  };
}

export type WebhookMetrics = ReturnType<typeof createWebhookMetrics>;

export function createWebhookMetrics(registry: Registry) {
  const registers = [registry];
  return {
    attempts: new Counter({
      name: 'quintet_webhook_attempts_total',
      help: 'Attempts to deliver, by what came of them.',
      labelNames: ['outcome'],
      registers,
    }),
    deliveries: new Counter({
      name: 'quintet_webhook_deliveries_total',
      help: 'Deliveries that ended, by what came of them.',
      labelNames: ['outcome'],
      registers,
    }),
    attemptDuration: new Histogram({
      name: 'quintet_webhook_attempt_duration_seconds',
      help: 'One attempt, from the look-up of the host to the end of the answer.',
      buckets: latencyBuckets,
      registers,
    }),
    active: new Gauge({ name: 'quintet_webhook_active_deliveries', help: 'Attempts under way.', registers }),
    hostDelays: new Counter({
      name: 'quintet_webhook_host_delays_total',
      help: 'Times a delivery was put off because its host was busy with others.',
      registers,
    }),
    endpointsDisabled: new Counter({
      name: 'quintet_webhook_endpoints_disabled_total',
      help: 'Addresses that answered 410 and are sent nothing more.',
      registers,
    }),
  };
}
