/** What the queues do with jobs by `image_url`: order, admission, and workers that die while they fetch. */
import { randomUUID } from 'node:crypto';
import {
  classifyQueueName,
  fetchId,
  fetchJobPolicy,
  fetchQueueName,
  JobStore,
  keyPrefix,
  Redis,
  type ClassifyOrder,
  type FetchOrder,
  type Job,
} from '@quintet/shared';
import { FlowProducer, Queue, Worker } from 'bullmq';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { outcomeOf } from '../support/orders.js';
import { hang, send, startPictureServer, type PictureServer } from '../support/picture-server.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, startService } from '../support/service-process.js';
import { testModel, testModelEnvironment } from '../support/test-model.js';
import { jobOf, problemOf, startReadyApi } from './api-harness.js';

let server: RedisServer;
let redis: Redis;
let store: JobStore;
let photo: Buffer;
let pictures: PictureServer;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  store = new JobStore(redis);
  pictures = await startPictureServer();
  photo = await makeImage({ format: 'jpeg', width: 320, height: 240 });
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await pictures.stop();
});

const options = () => ({ connection: redis, prefix: keyPrefix });

it('queues a fetched picture behind those that came meanwhile, and counts it as waiting all the time', async () => {
  const model = 'order';
  const api = await startReadyApi(server.url, {
    DEFAULT_MODEL: model,
    ALLOW_PRIVATE_HOSTS: 'true',
    MAX_QUEUE_DEPTH: '4',
  });
  onTestFinished(async () => {
    await api.end();
  });
  const post = (body: unknown): Promise<Response> =>
    fetch(`${api.url}/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const upload = { image_base64: photo.toString('base64') };
  const jobs: Job[] = [];
  for (const body of [upload, { image_url: 'http://a/' }, { image_url: 'http://b/' }, upload]) {
    jobs.push(await jobOf(await post(body)));
  }
  // Two of the four are not in the waiting list, but in waiting-children.
  await eventually(async () => {
    expect(await problemOf(await post(upload))).toMatchObject({ code: 'queue_full' });
  });
  expect(await api.metric('quintet_queue_depth', { queue: fetchQueueName, state: 'waiting' })).toBe(2);

  const fetched: string[] = [];
  const fetcher = new Worker<FetchOrder>(
    fetchQueueName,
    async ({ data }) => {
      expect(await store.addImage(data.id, photo)).toBe(true);
      fetched.push(data.id);
    },
    // Of all workers of a queue, the first decides when stalled orders are looked for again.
    { ...options(), stalledInterval: 100 },
  );
  await eventually(() => {
    expect(fetched).toHaveLength(2);
  });
  await fetcher.close();
  const taken: string[] = [];
  const classifier = new Worker<ClassifyOrder>(
    classifyQueueName(model),
    ({ data }) => {
      taken.push(data.id);
      return Promise.resolve();
    },
    options(),
  );
  await eventually(() => {
    expect(taken).toHaveLength(4);
  });
  await classifier.close();
  const [first, a, b, last] = jobs.map(({ id }) => id);
  expect(taken).toEqual([first, last, a, b]);
});

/** What the API leaves behind for a job by `image_url`. */
async function submit(url: string): Promise<string> {
  const id = randomUUID();
  const created_ms = Date.now();
  const created_at = new Date(created_ms).toISOString();
  await store.create({ id, model: { name: testModel }, created_at, metadata: {} }, undefined, 600);
  const common = { id, model: testModel, created_ms, request_id: `r-${id}` };
  const order: ClassifyOrder = { ...common, top_k: 5, fetched: true };
  const fetch: FetchOrder = { ...common, url };
  const flows = new FlowProducer(options());
  await flows.add({
    name: 'classify',
    queueName: classifyQueueName(testModel),
    data: order,
    opts: { jobId: id },
    children: [
      {
        name: 'fetch',
        queueName: fetchQueueName,
        data: fetch,
        opts: { ...fetchJobPolicy, jobId: fetchId(id), ignoreDependencyOnFailure: true },
      },
    ],
  });
  await flows.close();
  return id;
}

/** Takes every fetch and dies, as far as its lock tells, until each has been held `times` times, and is held then. */
async function dieWhileFetching(ids: readonly string[], times: number): Promise<void> {
  const queue = new Queue(fetchQueueName, options());
  let states: string[];
  do {
    await holdAndDie(queue, ids, times);
    // One that had just been given back waits for whoever comes next, who would not know of its deaths.
    states = await Promise.all(ids.map((id) => queue.getJobState(fetchId(id))));
  } while (states.some((state) => state !== 'active'));
  await queue.close();
}

async function holdAndDie(queue: Queue, ids: readonly string[], times: number): Promise<void> {
  const dying = new Worker(fetchQueueName, () => new Promise(() => undefined), {
    ...options(),
    lockDuration: 100,
    skipLockRenewal: true,
    concurrency: 100,
    stalledInterval: 100,
    maxStalledCount: 1000,
  });
  dying.on('error', () => undefined);
  await eventually(async () => {
    for (const id of ids) {
      const job = await queue.getJob(fetchId(id));
      expect(job?.stalledCounter).toBeGreaterThanOrEqual(times);
    }
  });
  await dying.close(true);
}

it('fetches again what a dead worker was fetching, and ends what kills every worker', async () => {
  const poisoned = await submit(pictures.at(hang));
  await dieWhileFetching([poisoned], 4);
  const url = pictures.at(send(photo));
  const orphaned = await submit(url);
  // Both, as this worker takes the other too: given back at the end, it would be fetched by one who does not know of its deaths.
  await dieWhileFetching([poisoned, orphaned], 1);

  const worker = await startService('worker', {
    ...testModelEnvironment,
    REDIS_URL: server.url,
    ALLOW_PRIVATE_HOSTS: 'true',
  });
  onTestFinished(async () => {
    await worker.end();
  });
  expect(await outcomeOf(store, orphaned)).toMatchObject({ status: 'succeeded' });
  expect(pictures.visits(url)).toHaveLength(1);
  const lost = await outcomeOf(store, poisoned);
  expect(lost).toMatchObject({ status: 'failed', error: { code: 'worker_lost', retryable: true } });
});
