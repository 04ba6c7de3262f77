/**
 * Answers that jobs share: kept ones (`"cache": "hit"`) and those of jobs under way (`"cache": "coalesced"`). All of Quintet as
 * compiled, with two workers; their metrics tell how often the model really ran.
 */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  classifyQueueName,
  JobStore,
  keyPrefix,
  keys,
  Redis,
  resultName,
  sha256Hex,
  webhookBodySchema,
  type Job,
  type WebhookBody,
} from '@quintet/shared';
import { Queue } from 'bullmq';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outcomeOf, submitOrder } from '../support/orders.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { startStack, type Stack } from '../support/stack.js';
import { testModel } from '../support/test-model.js';
import { jobOf } from './api-harness.js';

let stack: Stack;
let redis: Redis;
let queue: Queue;
let version: string;

beforeAll(async () => {
  stack = await startStack({ workers: 2, env: { RESULT_CACHE_TTL_SECONDS: '600', SHUTDOWN_SECONDS: '2' } });
  redis = new Redis(stack.redis.url, { maxRetriesPerRequest: null });
  queue = new Queue(classifyQueueName(testModel), { connection: redis, prefix: keyPrefix });
  const response = await fetch(`${stack.url}/v1/models`);
  const { models } = (await response.json()) as { models: { version: string }[] };
  version = models[0]?.version ?? '';
});
afterAll(async () => {
  await queue.close();
  redis.disconnect();
  await stack.stop();
});

/** A picture that nobody has seen. */
let pictures = 0;
const newPicture = (width = 320, height = 240): Promise<Buffer> => {
  pictures += 1;
  const background = { r: pictures, g: 128, b: 255 - pictures };
  return sharp({ create: { width, height, channels: 3, background } })
    .jpeg({ progressive: true })
    .toBuffer();
};

/** The same, and so large that its decoding takes a while. */
const slowPicture = (): Promise<Buffer> => newPicture(6500, 6000);

const post = (image: Buffer, query = '', headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${stack.url}/v1/jobs${query}`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg', ...headers },
    body: new Uint8Array(image),
  });

const submit = async (image: Buffer, query = '', headers: Record<string, string> = {}): Promise<Job> =>
  jobOf(await post(image, query, headers));

const ended = (id: string): Promise<Job> =>
  eventually(async () => {
    const job = await jobOf(await fetch(`${stack.url}/v1/jobs/${id}`));
    if (job.finished_at === undefined) throw new Error(`job ${id} is ${job.status}`);
    return job;
  });

const classified = async (image: Buffer, query = '', headers: Record<string, string> = {}): Promise<Job> =>
  ended((await submit(image, query, headers)).id);

async function sum(name: string, services: readonly ServiceProcess[] = stack.workers): Promise<number> {
  const alive = services.filter(({ process }) => process.exitCode === null && process.signalCode === null);
  return (await Promise.all(alive.map((each) => each.metric(name)))).reduce((all, one) => all + one, 0);
}

const inferences = (): Promise<number> => sum('quintet_job_inference_seconds_count');

const nameOf = async (image: Buffer, of = version): Promise<string> =>
  resultName('anonymous', { name: testModel, version: of }, await sha256Hex(image)) ?? '';

async function startReceiver() {
  const received: WebhookBody[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push(webhookBodySchema.parse(JSON.parse(Buffer.concat(chunks).toString())));
      response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const query = `?webhook_url=http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    received,
    query,
    stop: (): void => {
      server.close();
      server.closeAllConnections();
    },
  };
}

describe('a picture that was classified before', () => {
  it('is answered at once, without a worker, as each job asks', async () => {
    const image = await newPicture();
    const first = await classified(image);
    expect(first).not.toHaveProperty('cache');
    const before = await inferences();

    const again = await post(image);
    expect(again.status).toBe(200);
    const hit = await jobOf(again);
    expect(again.headers.get('location')).toBe(hit.links.self);
    expect(hit).toMatchObject({ status: 'succeeded', cache: 'hit', model: first.model });
    expect(hit.id).not.toBe(first.id);
    expect(hit.predictions).toEqual(first.predictions);
    expect(hit.timing_ms).toMatchObject({ queue: 0, fetch: 0, preprocess: 0, batch_wait: 0, inference: 0 });
    expect(await ended(hit.id)).toEqual(hit);
    expect((await fetch(`${stack.url}${hit.links.self}`, { method: 'DELETE' })).status).toBe(409);

    const all = (await submit(image, '?top_k=20')).predictions ?? [];
    expect(all).toHaveLength(20);
    expect(all.slice(0, 5)).toEqual(first.predictions);
    const least = all[2]?.score ?? 1;
    const likely = await submit(image, `?top_k=20&min_score=${least}`);
    expect(likely.predictions).toEqual(all.filter(({ score }) => score >= least));

    expect(await inferences()).toBe(before);
    expect(await sum('quintet_result_cache_lookups_total', [stack.api])).toBe(4);
    expect(await redis.exists(keys.image(hit.id))).toBe(0);
    expect(await redis.ttl(keys.job(hit.id))).toBeGreaterThan(86_000);
    expect(await redis.ttl(keys.result(await nameOf(image)))).toBeGreaterThan(500);
  });

  it('is delivered to a webhook like any other', async () => {
    const receiver = await startReceiver();
    const image = await newPicture();
    await classified(image);
    const hit = await submit(image, receiver.query);
    expect(hit.cache).toBe('hit');
    await eventually(() => {
      expect(receiver.received).toMatchObject([{ type: 'job.succeeded', data: { id: hit.id, cache: 'hit' } }]);
    });
    receiver.stop();
  });

  it('is classified again by another version of the model', async () => {
    const image = await newPicture();
    await redis.set(keys.result(await nameOf(image, 'sha256:other')), '[]');
    expect((await classified(image)).predictions).toHaveLength(5);
    expect(await redis.get(keys.result(await nameOf(image)))).not.toBeNull();
  });

  it('is classified again with no-cache, which keeps the answer, and with no-store, which does not', async () => {
    const image = await newPicture();
    const before = await inferences();
    expect(await classified(image, '', { 'cache-control': 'no-store' })).not.toHaveProperty('cache');
    expect(await redis.exists(keys.result(await nameOf(image)))).toBe(0);
    expect(await classified(image, '', { 'cache-control': 'no-cache' })).not.toHaveProperty('cache');
    expect((await submit(image)).cache).toBe('hit');
    expect(await classified(image, '', { 'cache-control': 'no-cache' })).not.toHaveProperty('cache');
    expect(await classified(image, '', { 'cache-control': 'no-store' })).not.toHaveProperty('cache');
    expect((await inferences()) - before).toBe(4);
  });
});

describe('one picture in many jobs at once', () => {
  it('is inferred once, on two workers, each job with its own end and its own webhook', async () => {
    const receiver = await startReceiver();
    const image = await slowPicture();
    const [before, batches, coalesced] = await Promise.all([
      inferences(),
      sum('quintet_batch_size_count'),
      sum('quintet_jobs_coalesced_total'),
    ]);
    const jobs = await Promise.all(Array.from({ length: 50 }, () => submit(image, receiver.query)));
    const ends = await Promise.all(jobs.map(({ id }) => ended(id)));
    expect(new Set(ends.map(({ status }) => status))).toEqual(new Set(['succeeded']));
    expect(new Set(ends.map(({ id }) => id)).size).toBe(50);
    expect(new Set(ends.map(({ predictions }) => JSON.stringify(predictions))).size).toBe(1);
    expect((await inferences()) - before).toBe(1);
    expect((await sum('quintet_batch_size_count')) - batches).toBe(1);
    const of = (cache: Job['cache']): Job[] => ends.filter((job) => job.cache === cache);
    expect(of(undefined)).toHaveLength(1);
    // A machine that is slow to take uploads may have the answer before the last of them.
    expect(of('coalesced').length).toBeGreaterThan(20);
    expect((await sum('quintet_jobs_coalesced_total')) - coalesced).toBe(of('coalesced').length);
    expect(of('coalesced')[0]?.timing_ms).toMatchObject({ preprocess: 0, batch_wait: 0, inference: 0 });
    await eventually(() => {
      const delivered = receiver.received.map(({ data }) => data.id);
      expect(delivered.sort()).toEqual(jobs.map(({ id }) => id).sort());
    });
    receiver.stop();
    expect(await redis.keys(keys.inferring('*'))).toEqual([]);
    expect(await redis.keys(keys.image('*'))).toEqual([]);
  });

  it('is inferred once too where only the worker has its bytes', async () => {
    const image = await newPicture();
    const before = await inferences();
    const store = new JobStore(redis);
    const order = { sharing: { scope: 'anonymous' }, top_k: 2 };
    const ids = await Promise.all(Array.from({ length: 8 }, () => submitOrder(store, queue, image, order)));
    const ends = await Promise.all(ids.map((id) => outcomeOf(store, id)));
    expect(ends.map(({ predictions }) => predictions?.length)).toEqual(ends.map(() => 2));
    expect((await inferences()) - before).toBe(1);
    expect((await submit(image)).cache).toBe('hit');
  });

  it('fails for each by itself where it cannot be decoded', async () => {
    const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
    const image = await sharp({ create: { width: 640, height: 480, channels: 3, background: '#888', noise } })
      .jpeg()
      .toBuffer();
    // A Huffman table, which only a decoder looks at.
    image.fill(0x11, 180, 260);
    const jobs = await Promise.all(Array.from({ length: 6 }, () => submit(image)));
    for (const job of await Promise.all(jobs.map(({ id }) => ended(id)))) {
      expect(job.status).toBe('failed');
      expect(job.error?.code).toMatch(/^image_(undecodable|truncated)$/);
      expect(job).not.toHaveProperty('cache');
    }
    expect(await redis.keys(keys.inferring('*'))).toEqual([]);
  });

  /** The id of the job that computes the answer for `image`, as soon as one does. */
  const leaderOf = async (image: Buffer): Promise<string> => {
    const claim = keys.inferring(await nameOf(image));
    return eventually(async () => {
      const id = await redis.get(claim);
      if (id === null) throw new Error('nobody leads');
      return id;
    });
  };

  it('goes on when the job that leads is canceled', async () => {
    const image = await slowPicture();
    const jobs = await Promise.all(Array.from({ length: 6 }, () => submit(image)));
    const leader = await leaderOf(image);
    const canceled = await fetch(`${stack.url}/v1/jobs/${leader}`, { method: 'DELETE' });
    expect(canceled.status).toBe(200);
    const ends = await Promise.all(jobs.map(({ id }) => ended(id)));
    expect(ends.map(({ id, status }) => [id, status])).toEqual(
      jobs.map(({ id }) => [id, id === leader ? 'canceled' : 'succeeded']),
    );
  });

  it('waits for no other job longer than its own deadline', async () => {
    const image = await newPicture();
    await redis.set(keys.inferring(await nameOf(image)), 'another job', 'PX', 30_000);
    expect((await classified(image, '?ttl_seconds=0.3')).status).toBe('expired');
    expect((await classified(image, '', { 'cache-control': 'no-cache' })).status).toBe('succeeded');
    await redis.unlink(keys.inferring(await nameOf(image)));
  });
});

describe('workers that end while jobs wait for each other', () => {
  it('are told to stop: what waits goes back to the queue', async () => {
    const image = await newPicture();
    const claim = keys.inferring(await nameOf(image));
    await redis.set(claim, 'another job', 'PX', 60_000);
    const jobs = await Promise.all(Array.from({ length: 6 }, () => submit(image)));
    await eventually(async () => {
      expect(await queue.getActiveCount()).toBe(6);
    });
    expect(await Promise.all(stack.workers.map((worker) => worker.end('SIGTERM')))).toEqual([0, 0]);
    expect([await queue.getActiveCount(), await queue.getWaitingCount()]).toEqual([0, 6]);

    // One job at a time each, so that one leads and the other waits for it.
    await redis.unlink(claim);
    const [first, second] = await Promise.all(
      [1, 2].map((n) => stack.addWorker({ CONCURRENCY: '1', WORKER_ID: `w${n}` })),
    );
    for (const { id } of jobs) expect((await ended(id)).status).toBe('succeeded');

    const slow = await slowPicture();
    const followers = await Promise.all(Array.from({ length: 6 }, () => submit(slow)));
    const leader = await eventually(async () => {
      const id = await redis.get(keys.inferring(await nameOf(slow)));
      const by = id === null ? undefined : ((await queue.getJob(id))?.processedBy ?? undefined);
      if (id === null || by === undefined) throw new Error('nobody leads');
      return { id, by };
    });
    await [first, second].find((worker) => worker?.id === leader.by)?.kill('SIGKILL');
    const ends = await Promise.all(followers.filter(({ id }) => id !== leader.id).map(({ id }) => ended(id)));
    expect(new Set(ends.map(({ status }) => status))).toEqual(new Set(['succeeded']));
    // One of them took over what the dead worker had begun: they did not wait for its own job to come back.
    expect(ends.filter(({ cache }) => cache === undefined)).toHaveLength(1);
  });
});
