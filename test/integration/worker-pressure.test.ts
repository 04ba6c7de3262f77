/** A worker under pressure: inference threads that die under load, and far more waiting than can be run. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { JobStore, Redis, classifyQueueName, keyPrefix } from '@quintet/shared';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { full } from '../support/full.js';
import { canMeasure, peakMegabytes, residentMegabytes } from '../support/hostile/process-usage.js';
import { outcomeOf, submitOrder } from '../support/orders.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, startService, type ServiceProcess } from '../support/service-process.js';
import { testModel, testModelEnvironment } from '../support/test-model.js';

const killThreads = pathToFileURL(fileURLToPath(new URL('../support/kill-threads.mjs', import.meta.url))).href;

/**
 * By how many megabytes the worker may grow: less than what may be decoded at once (MAX_DECODE_BYTES, 400). It was seen to grow by 190 to 250; what is resident before that varies as much.
 */
const mostGrowth = 330;

let server: RedisServer;
let redis: Redis;
let queue: Queue;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  queue = new Queue(classifyQueueName(testModel), { connection: redis, prefix: keyPrefix });
});
afterAll(async () => {
  await queue.close();
  redis.disconnect();
  await server.stop();
});

/** One that is ready, and gone when its test has ended, however it ended. */
async function startWorker(environment: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
  const worker = await startService('worker', { ...testModelEnvironment, REDIS_URL: server.url, ...environment });
  onTestFinished(async () => {
    await worker.end('SIGKILL');
  });
  await worker.ready();
  return worker;
}

it('replaces inference threads that die, and finishes every job of theirs', async () => {
  const store = new JobStore(redis);
  const worker = await startWorker({
    INFERENCE_STREAMS: '2',
    INTRA_OP_THREADS: '1',
    MAX_BATCH_SIZE: '4',
    NODE_OPTIONS: `--import ${killThreads}`,
  });
  const photo = await makeImage({ format: 'jpeg', width: 320, height: 240 });
  const restarts = () => worker.metric('quintet_inference_stream_restarts_total');
  const ids: string[] = [];
  // Both of the first threads, each while the queue is full.
  for (const death of [1, 2]) {
    ids.push(...(await Promise.all(Array.from({ length: 50 }, () => submitOrder(store, queue, photo)))));
    worker.process.kill('SIGUSR2');
    await eventually(async () => {
      expect(await restarts()).toBe(death);
    });
  }
  for (const id of ids) expect((await outcomeOf(store, id)).status).toBe('succeeded');
  // Both streams work again: the last jobs were answered, and none is held any more.
  expect(await worker.metric('quintet_jobs_total', { outcome: 'succeeded' })).toBe(100);
  expect(worker.process.exitCode).toBeNull();
  expect(await worker.end()).toBe(0);
});

it('keeps its main thread free under full load: it lags by far less than a run of the model takes', async () => {
  const store = new JobStore(redis);
  const worker = await startWorker();
  const photo = await makeImage({ format: 'jpeg', width: 640, height: 480 });
  const ids = await Promise.all(Array.from({ length: full ? 400 : 250 }, () => submitOrder(store, queue, photo)));
  for (const id of ids) expect((await outcomeOf(store, id)).status).toBe('succeeded');
  const meanOf = async (name: string): Promise<number> =>
    (await worker.metric(`${name}_sum`)) / (await worker.metric(`${name}_count`));
  expect(await worker.metric('quintet_event_loop_lag_seconds_count')).toBeGreaterThan(20);
  // A thread that ran the model, or waited for a run, would lag by as much as that.
  const lag = await meanOf('quintet_event_loop_lag_seconds');
  expect(lag).toBeLessThan((await meanOf('quintet_job_inference_seconds')) / 2);
  expect(await worker.end()).toBe(0);
});

it.skipIf(!canMeasure)('keeps its memory under its bound while many wait, phone photos among them', async () => {
  const store = new JobStore(redis);
  const worker = await startWorker({
    INFERENCE_STREAMS: '2',
    INTRA_OP_THREADS: '1',
    MAX_BATCH_SIZE: '4',
    MALLOC_ARENA_MAX: '2',
  });
  const pid = worker.process.pid ?? 0;
  const level = residentMegabytes(pid);
  const small = await makeImage({ format: 'jpeg', width: 500, height: 375 });
  const large = await makeImage({ format: 'jpeg', width: 4000, height: 3000 });
  const alpha = await makeImage({ format: 'png', colour: 'alpha', width: 3000, height: 2000 });
  const images = Array.from({ length: full ? 400 : 160 }, (_, index) =>
    index % 8 === 0 ? large : index % 8 === 4 ? alpha : small,
  );
  const ids: string[] = [];
  for (const image of images) ids.push(await submitOrder(store, queue, image));
  for (const id of ids) expect((await outcomeOf(store, id)).status).toBe('succeeded');
  expect(peakMegabytes(pid) - level).toBeLessThan(mostGrowth);
  expect(await worker.end()).toBe(0);
});
