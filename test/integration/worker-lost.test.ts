/** A job whose workers die again and again is failed for good, by the worker that finds it so. */
import { JobStore, Redis, classifyQueueName, keyPrefix } from '@quintet/shared';
import { Queue, Worker } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { outcomeOf, submitOrder } from '../support/orders.js';
import { startRedis } from '../support/redis-server.js';
import { eventually, startService } from '../support/service-process.js';
import { testModel, testModelEnvironment } from '../support/test-model.js';

it('ends as failed with worker_lost, and the worker goes on', async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const redis = new Redis(server.url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  onTestFinished(() => {
    redis.disconnect();
  });
  const options = { connection: redis, prefix: keyPrefix };
  const store = new JobStore(redis);
  const queue = new Queue(classifyQueueName(testModel), options);
  const photo = await makeImage({ format: 'jpeg', width: 320, height: 240 });
  // Takes the order and dies, as far as its lock tells; and so did two workers that ran it alone.
  const poisoned = await submitOrder(store, queue, photo);
  const dying = new Worker(queue.name, () => new Promise(() => undefined), {
    ...options,
    lockDuration: 100,
    skipLockRenewal: true,
    concurrency: 10,
    stalledInterval: 100,
    maxStalledCount: 1000,
  });
  dying.on('error', () => undefined);
  await eventually(async () => {
    expect((await queue.getJob(poisoned))?.stalledCounter).toBeGreaterThan(0);
  });
  await dying.close(true);
  for (let death = 0; death < 2; death += 1) await store.beginSuspect(poisoned);

  const worker = await startService('worker', { ...testModelEnvironment, REDIS_URL: server.url });
  onTestFinished(async () => {
    await worker.end('SIGKILL');
  });
  const outcome = await outcomeOf(store, poisoned);
  expect(outcome).toMatchObject({ status: 'failed', error: { code: 'worker_lost', status: 500, retryable: true } });
  const next = await submitOrder(store, queue, photo);
  expect((await outcomeOf(store, next)).status).toBe('succeeded');
  expect(await worker.metric('quintet_jobs_total', { code: 'worker_lost' })).toBe(1);
  expect(await worker.end()).toBe(0);
  await queue.close();
});
