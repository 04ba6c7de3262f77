/** The compiled worker against a real Redis: answers, bad images, cancels, deadlines, signals, and being killed. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  JobStore,
  Presence,
  Redis,
  classifyQueueName,
  keyPrefix,
  keys,
  type ClassifyOrder,
  type Outcome,
} from '@quintet/shared';
import { Queue } from 'bullmq';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { outcomeOf as endOf, submitOrder } from '../support/orders.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, startService, type ServiceProcess } from '../support/service-process.js';
import { testModel, testModelEnvironment } from '../support/test-model.js';

let server: RedisServer;
let redis: Redis;
let store: JobStore;
let queue: Queue;
let photo: Buffer;
/** Takes a worker so long to decode that hundreds of it keep it busy for seconds; a small file all the same. */
let slow: Buffer;
const started: ServiceProcess[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  store = new JobStore(redis);
  queue = new Queue(classifyQueueName(testModel), { connection: redis, prefix: keyPrefix });
  // One test stops Redis on purpose.
  redis.on('error', () => undefined);
  queue.on('error', () => undefined);
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
  photo = await sharp({ create: { width: 640, height: 480, channels: 3, background: '#888', noise } })
    .jpeg()
    .toBuffer();
  slow = await sharp({ create: { width: 3000, height: 2000, channels: 3, background: '#888' } })
    .jpeg()
    .toBuffer();
});
afterAll(async () => {
  await queue.close();
  redis.disconnect();
  await server.stop();
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((worker) => worker.end('SIGKILL')));
  await redis.flushall();
});

async function startWorker(environment: Record<string, string> = {}): Promise<ServiceProcess> {
  const worker = await startService('worker', { ...testModelEnvironment, REDIS_URL: server.url, ...environment });
  started.push(worker);
  await worker.ready();
  return worker;
}

const submit = (image: Buffer = photo, order: Partial<ClassifyOrder> = {}): Promise<string> =>
  submitOrder(store, queue, image, order);

const outcomeOf = (id: string, timeout?: number): Promise<Outcome> => endOf(store, id, timeout);

describe('a worker', () => {
  it('answers with five labels, the time of each phase, and what ran it', async () => {
    const worker = await startWorker({ WORKER_ID: 'w-1' });
    const id = await submit();
    const outcome = await outcomeOf(id);
    expect(outcome).toMatchObject({ status: 'succeeded', batch_size: 1, worker: 'w-1', device: 'cpu' });
    expect(outcome.model).toMatchObject({
      name: testModel,
      version: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
    });
    const scores = (outcome.predictions ?? []).map(({ score }) => score);
    expect(scores).toHaveLength(5);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    const { total = 0, ...phases } = outcome.timing_ms ?? {};
    expect(Object.keys(phases).sort()).toEqual(['batch_wait', 'fetch', 'inference', 'preprocess', 'queue']);
    expect(total).toBeGreaterThanOrEqual(Math.max(...Object.values(phases)));
    const line = await worker.logged('job succeeded');
    expect(line).toMatchObject({ job_id: id, request_id: `r-${id}` });
    expect(await redis.exists(keys.image(id))).toBe(0);
    expect(await worker.metric('quintet_jobs_total', { outcome: 'succeeded' })).toBe(1);
    expect(await worker.metric('quintet_batch_size_count')).toBe(1);
  });

  it('leaves nothing of ONNX Runtime’s telemetry in the home folder', async () => {
    const home = await mkdtemp(join(tmpdir(), 'quintet-home-'));
    const worker = await startWorker({ HOME: home, XDG_CACHE_HOME: join(home, '.cache') });
    await outcomeOf(await submit());
    expect(await worker.end()).toBe(0);
    expect(await readdir(home)).toEqual([]);
    await rm(home, { recursive: true });
  });

  it('announces itself while it lives', async () => {
    const presence = new Presence(redis);
    const worker = await startWorker({ WORKER_ID: 'w-here' });
    expect(await presence.workers()).toMatchObject([{ id: 'w-here', model: { name: testModel }, device: 'cpu' }]);
    expect(await worker.end()).toBe(0);
    expect(await presence.workers()).toEqual([]);
    expect((await presence.models()).has(testModel)).toBe(true);
  });

  it('honours top_k and min_score', async () => {
    await startWorker();
    const [many, certain] = await Promise.all([submit(photo, { top_k: 20 }), submit(photo, { min_score: 1 })]);
    expect((await outcomeOf(many)).predictions).toHaveLength(20);
    expect((await outcomeOf(certain)).predictions).toEqual([]);
  });

  it('fails a bad image with its reason, once, and its neighbours not at all', async () => {
    const worker = await startWorker();
    const damaged = Buffer.from(photo);
    damaged.fill(0x11, 200, 4000);
    const ids = await Promise.all(
      [photo, Buffer.from('no image'), photo, damaged, photo].map((image) => submit(image)),
    );
    const outcomes = await Promise.all(ids.map((id) => outcomeOf(id)));
    expect(outcomes.map(({ status }) => status)).toEqual(['succeeded', 'failed', 'succeeded', 'failed', 'succeeded']);
    expect(outcomes[1]?.error).toMatchObject({ code: 'image_format_unsupported', status: 415 });
    expect(outcomes[3]?.error?.code).toMatch(/^image_(undecodable|truncated)$/);
    await eventually(async () => {
      expect(await queue.getFailedCount()).toBe(2);
    });
    await eventually(() => {
      expect(worker.lines.filter(({ message }) => message === 'job failed')).toHaveLength(2);
    });
  });

  it('drops what was canceled and expires what is late, without running either', async () => {
    const canceled = await submit();
    await store.finish(canceled, { status: 'canceled', finished_at: new Date().toISOString() }, 60);
    const late = await submit(photo, { deadline_ms: Date.now() - 1 });
    const worker = await startWorker();
    expect((await outcomeOf(late)).status).toBe('expired');
    await worker.logged('order dropped: its job had ended');
    expect((await outcomeOf(canceled)).status).toBe('canceled');
    expect(await worker.metric('quintet_batch_size_count')).toBe(0);
  });
});

/** What a dead worker held returns when its locks run out, 4 to 13 s later. */
const recovery = { timeout: 90_000 };

describe('a worker that is told to stop', recovery, () => {
  it('finishes what it holds, leaves the rest, and exits 0', async () => {
    const worker = await startWorker();
    const ids = await Promise.all(Array.from({ length: 300 }, () => submit()));
    await Promise.race(ids.map((id) => outcomeOf(id)));
    expect(await worker.end('SIGTERM')).toBe(0);
    expect(await queue.getActiveCount()).toBe(0);
    const done = await worker.logged('stopped').then(async () => await Promise.all(ids.map((id) => store.read(id))));
    const ended = done.filter((job) => job?.outcome !== undefined).length;
    expect(ended + (await queue.getWaitingCount())).toBe(300);
    await startWorker();
    for (const id of ids) expect((await outcomeOf(id, 60_000)).status).toBe('succeeded');
  });

  it('hands back what it cannot finish in time, so that another worker has it at once', async () => {
    const worker = await startWorker({ SHUTDOWN_SECONDS: '1', CONCURRENCY: '1000', MAX_BATCH_SIZE: '1' });
    const ids = await Promise.all(Array.from({ length: 1000 }, () => submit()));
    await Promise.race(ids.map((id) => outcomeOf(id)));
    expect(await worker.end('SIGTERM')).toBe(0);
    expect(await queue.getActiveCount()).toBe(0);
    const next = await startWorker();
    for (const id of ids) expect((await outcomeOf(id, 60_000)).status).toBe('succeeded');
    expect(next.lines.filter(({ message }) => String(message).includes('is lost'))).toEqual([]);
  });

  it('exits at once on a second signal, and another worker takes over', async () => {
    const worker = await startWorker({ CONCURRENCY: '500' });
    const ids = await Promise.all(Array.from({ length: 500 }, () => submit(slow)));
    await worker.logged('job succeeded');
    const ended = worker.end('SIGTERM');
    await worker.logged('draining');
    worker.process.kill('SIGTERM');
    expect(await ended).toBe(143);
    await startWorker();
    for (const id of ids) expect((await outcomeOf(id, 60_000)).status).toBe('succeeded');
  });
});

describe('a worker without Redis', recovery, () => {
  it('stops all the same when it is told to, and its jobs are done when Redis is back', async () => {
    const worker = await startWorker();
    const ids = await Promise.all(Array.from({ length: 100 }, () => submit()));
    await Promise.race(ids.map((id) => outcomeOf(id)));
    await server.kill();
    expect(await worker.end('SIGTERM')).toBe(0);
    await server.start();
    await startWorker();
    for (const id of ids) expect((await outcomeOf(id, 60_000)).status).toBe('succeeded');
  });
});

describe('a worker that is killed', recovery, () => {
  it('loses nothing: another has taken over within 15 s and finishes its jobs, each once', async () => {
    const [first, second] = await Promise.all([
      startWorker({ WORKER_ID: 'first' }),
      startWorker({ WORKER_ID: 'second' }),
    ]);
    const ids = await Promise.all(Array.from({ length: 200 }, () => submit()));
    await Promise.race(ids.map((id) => outcomeOf(id)));
    await first.logged('job succeeded');
    const killed = Date.now();
    await first.end('SIGKILL');
    const outcomes = await Promise.all(ids.map((id) => outcomeOf(id, 60_000)));
    expect(outcomes.map(({ status }) => status)).toEqual(ids.map(() => 'succeeded'));
    expect(new Set(outcomes.map(({ worker }) => worker))).toEqual(new Set(['first', 'second']));
    const lost = second.lines
      .filter(({ message }) => String(message).includes('is lost'))
      .map((line) => line['job_id']);
    expect(lost.length).toBeGreaterThan(0);
    for (const [index, { started_at }] of outcomes.entries()) {
      if (lost.includes(ids[index])) expect(Date.parse(started_at ?? '') - killed).toBeLessThan(15_000);
    }
  });
});

describe('a worker that cannot start', () => {
  it('names a bad variable and exits 1', async () => {
    await expect(
      startService('worker', { ...testModelEnvironment, REDIS_URL: server.url, INFERENCE_STREAMS: 'many' }),
    ).rejects.toThrow('ended (1)');
  });

  it('says why a model is not to be had, and never falls back to generated weights', async () => {
    const environment = { ...testModelEnvironment, REDIS_URL: server.url, MODEL: 'no-such-model' };
    const worker = await startService('worker', environment);
    const line = await worker.logged('start failed');
    expect(JSON.stringify(line)).toContain('There is no model no-such-model');
    await eventually(() => {
      expect(worker.process.exitCode).toBe(1);
    });
  });

  it('treats a named execution provider that is missing as an error', async () => {
    const environment = { ...testModelEnvironment, REDIS_URL: server.url, EXECUTION_PROVIDER: 'cuda' };
    const worker = await startService('worker', environment);
    expect(JSON.stringify(await worker.logged('start failed', 30_000))).toContain('EXECUTION_PROVIDER=cuda needs');
  });
});
