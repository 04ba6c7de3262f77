/** Jobs that end without having been run: canceled on the worker that holds them, or not started in time. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { classifyQueueName, deliveryId, keyPrefix, keys, Redis, webhookQueueName } from '@quintet/shared';
import { Queue } from 'bullmq';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { openEvents } from '../support/event-client.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, startService, type ServiceProcess } from '../support/service-process.js';
import { testModel, testModelEnvironment } from '../support/test-model.js';
import { jobOf, startReadyApi } from './api-harness.js';

const hook = 'https://93.184.216.34/hook';

let server: RedisServer;
let redis: Redis;
let image: Buffer;
let api: ServiceProcess;
let webhooks: Queue;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  webhooks = new Queue(webhookQueueName, { connection: redis, prefix: keyPrefix });
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  // One picture again and again, each time to be classified.
  api = await startReadyApi(server.url, {
    WEBHOOK_SECRET: secret,
    DEFAULT_MODEL: testModel,
    RESULT_CACHE_TTL_SECONDS: '0',
  });
});
afterAll(async () => {
  await api.end();
  await webhooks.close();
  redis.disconnect();
  await server.stop();
});

async function submit(options: Record<string, string> = {}, headers: Record<string, string> = {}, picture = image) {
  const response = await api.request(`/v1/jobs?${new URLSearchParams(options).toString()}`, {
    method: 'POST',
    body: new Uint8Array(picture),
    headers: { 'Content-Type': 'image/jpeg', ...headers },
  });
  return jobOf(response);
}

const statusOf = async (path: string) => (await jobOf(await api.request(path))).status;

describe('a job that is canceled while a worker holds it', () => {
  it('gives its place to the next at once, and its webhook goes out', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quintet-held-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const magenta = sharp({ create: { width: 300, height: 300, channels: 3, background: '#f0f' } });
    // Two places, one stream: what waits for it holds the other place.
    const worker = await startService('worker', {
      ...testModelEnvironment,
      REDIS_URL: server.url,
      NODE_OPTIONS: `--import ${new URL('../support/hang-on-picture.mjs', import.meta.url).href}`,
      HANG_UNTIL: pipe,
      INFERENCE_STREAMS: '1',
      INTRA_OP_THREADS: '1',
      MAX_BATCH_SIZE: '1',
      CONCURRENCY: '2',
    });
    onTestFinished(async () => {
      await worker.end('SIGKILL');
    });
    await worker.ready();
    const running = await submit({}, {}, await magenta.png().toBuffer());
    // Opens when the run that hangs reads from it.
    const release = await open(pipe, 'w');
    expect(await statusOf(running.links.self)).toBe('processing');
    const held = await submit({ webhook_url: hook });
    await eventually(async () => {
      expect(await statusOf(held.links.self)).toBe('processing');
    });
    const next = await submit();
    const canceled = await api.request(held.links.self, { method: 'DELETE' });
    expect((await jobOf(canceled)).status).toBe('canceled');
    await worker.logged('order dropped: its job had ended');
    await eventually(async () => {
      expect(await statusOf(next.links.self)).not.toBe('queued');
    });
    // The first is still being run: the canceled one was not waited for.
    expect(await statusOf(running.links.self)).toBe('processing');
    await release.write('.');
    await release.close();
    const ended = async (path: string) => jobOf(await api.request(path, { headers: { Prefer: 'wait=30' } }));
    const [first, second] = [await ended(running.links.self), await ended(next.links.self)];
    expect([first.status, second.status]).toEqual(['succeeded', 'succeeded']);
    expect(await statusOf(held.links.self)).toBe('canceled');
    expect(await worker.metric('quintet_batch_size_count')).toBe(2);
    await eventually(async () => {
      expect(await webhooks.getJobState(deliveryId(held.id))).toBe('waiting');
    });
    expect(await worker.end()).toBe(0);
  });
});

describe('a job that no worker took in time', () => {
  it('ends at its deadline for those who wait and those who watch', async () => {
    const waited = submit({ ttl_seconds: '0.5' }, { Prefer: 'wait=20' });
    const watched = await submit({ ttl_seconds: '0.5' });
    const stream = await openEvents(`${api.url}${watched.links.self}/events`);
    onTestFinished(() => {
      stream.close();
    });
    expect((await waited).status).toBe('expired');
    await stream.ended;
    expect(stream.ids.at(-1)).toBe('expired');
  });

  it('ends for who reads it, and is taken out of the queue', async () => {
    const job = await submit({ ttl_seconds: '0.2' });
    await eventually(async () => {
      expect(await statusOf(job.links.self)).toBe('expired');
    });
    const queue = new Queue(classifyQueueName(testModel), { connection: redis, prefix: keyPrefix });
    expect(await queue.getJobState(job.id)).toBe('unknown');
    await queue.close();
  });

  it('ends although nobody asks and no worker lives, so that its webhook goes out', async () => {
    const jobs = await Promise.all(
      Array.from({ length: 120 }, () => submit({ ttl_seconds: '0.3', webhook_url: hook })),
    );
    const patient = await submit({ ttl_seconds: '600', webhook_url: hook });
    await eventually(async () => {
      const states = await Promise.all(jobs.map(({ id }) => webhooks.getJobState(deliveryId(id))));
      expect(new Set(states)).toEqual(new Set(['waiting']));
      expect(await redis.zrange(keys.deadlines, '0', '-1')).toEqual([patient.id]);
    });
    expect(await statusOf(patient.links.self)).toBe('queued');
    await api.request(patient.links.self, { method: 'DELETE' });
    expect(await redis.exists(keys.deadlines)).toBe(0);
  });
});
