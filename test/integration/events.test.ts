/** Event streams as clients meet them: the compiled API and worker, cuts, restarts, replicas, and many listeners. */
import { classifyQueueName, keyPrefix, keys, Redis } from '@quintet/shared';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { openEvents, type EventClient } from '../support/event-client.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, startService, type ServiceProcess } from '../support/service-process.js';
import { testModel, testModelEnvironment } from '../support/test-model.js';
import { jobOf, problemOf, startReadyApi, startWorker, succeeded } from './api-harness.js';

/** A model for each test, as none may see the others' queues. */
const models = ['counted', 'paused', 'resumed', 'stopped', 'refused', 'popular'] as const;

let server: RedisServer;
let redis: Redis;
let image: Buffer;
let api: ServiceProcess;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
  // As if their workers were restarting.
  for (const name of [testModel, ...models]) await redis.hset(keys.models, name, JSON.stringify({ name }));
  api = await startReadyApi(server.url);
});
afterAll(async () => {
  await api.end();
  redis.disconnect();
  await server.stop();
});

/** Submits a picture; the job's address. */
async function submit(model: string, through = api): Promise<string> {
  const response = await through.request(`/v1/jobs?model=${model}`, {
    method: 'POST',
    body: new Uint8Array(image),
    headers: { 'Content-Type': 'image/jpeg' },
  });
  expect(response.status).toBe(202);
  return (await jobOf(response)).links.self;
}

async function listen(path: string, lastEventId?: string, through = api): Promise<EventClient> {
  const client = await openEvents(`${through.url}${path}/events`, lastEventId);
  onTestFinished(() => {
    client.close();
  });
  return client;
}

/** A worker of `model` that takes one job at a time and ends it when `release` is called. */
async function startGatedWorker(model: string) {
  const gates: (() => void)[] = [];
  const answer = () =>
    new Promise<ReturnType<typeof succeeded>>((resolve) => {
      gates.push(() => {
        resolve(succeeded());
      });
    });
  const worker = await startWorker(server, answer, model, 1);
  onTestFinished(() => worker.close());
  return {
    release: async (): Promise<void> => {
      const open = await eventually(() => {
        const [gate] = gates.splice(0, 1);
        if (gate === undefined) throw new Error('no job is held');
        return gate;
      });
      open();
    },
  };
}

describe('an event stream', () => {
  it('tells a job’s states in order, ends after the last, and is over for who has that', async () => {
    const path = await submit(testModel);
    const client = await listen(path);
    expect(client.status).toBe(200);
    expect(client.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    await client.until('queued');
    const worker = await startService('worker', { ...testModelEnvironment, REDIS_URL: server.url });
    onTestFinished(async () => {
      await worker.end('SIGKILL');
    });
    await client.until('succeeded');
    await client.ended;
    expect(client.ids.map((id) => id.replace(/-.*/, '')).filter((id, at, all) => id !== all[at - 1])).toEqual([
      'queued',
      'processing',
      'succeeded',
    ]);
    expect(client.events.find(({ id }) => id === 'processing')?.job.started_at).toBeDefined();
    // The event has what a read has, and its address is in the job.
    const read = await jobOf(await api.request(path));
    expect(client.events.at(-1)?.job).toEqual(read);
    expect(read.links.events).toBe(`${path}/events`);

    expect((await listen(path)).ids.length).toBeLessThanOrEqual(1);
    const late = await listen(path, 'processing');
    await late.ended;
    expect(late.ids).toEqual(['succeeded']);
    const again = await listen(path, 'succeeded');
    expect(again.status).toBe(204);
    await again.ended;
    expect(await worker.end()).toBe(0);
  });

  it('counts the place down, with the time that is left once a worker lives', async () => {
    const model = 'counted';
    const paths: string[] = [];
    for (let job = 0; job < 4; job += 1) paths.push(await submit(model));
    const [, , , last = ''] = paths;
    const client = await listen(last);
    expect((await client.until('queued')).queue).toEqual({ position: 3 });
    expect((await jobOf(await api.request(last))).queue).toEqual({ position: 3 });
    const worker = await startGatedWorker(model);
    for (const position of [2, 1, 0]) {
      await eventually(() => {
        expect(client.events.at(-1)?.job.queue?.position).toBe(position);
      });
      await worker.release();
    }
    await client.until('processing');
    await worker.release();
    await client.until('succeeded');
    const places = client.events.flatMap(({ job }) => (job.queue === undefined ? [] : [job.queue]));
    expect(places.map(({ position }) => position)).toEqual(
      [...places.map(({ position }) => position)].sort((a, b) => b - a),
    );
    // The harness' worker says that it does ten a second; what API processes know of workers is a second old at most.
    expect(places).toContainEqual({ position: 0, eta_seconds: 0.1 });
  });

  it('has no time while the queue is paused, though a worker lives', async () => {
    const model = 'paused';
    const queue = new Queue(classifyQueueName(model), { connection: redis, prefix: keyPrefix });
    await queue.pause();
    const worker = await startWorker(server, undefined, model);
    await eventually(async () => {
      expect(JSON.stringify(await (await api.request('/v1/models')).json())).toContain(`worker-${model}`);
    });
    const path = await submit(model);
    const read = async () => jobOf(await api.request(path));
    expect((await read()).queue).toEqual({ position: 0 });
    await queue.resume();
    await eventually(async () => {
      expect((await read()).status).toBe('succeeded');
    });
    await worker.close();
    await queue.close();
  });

  it('goes on after a cut, on another process, and after its process was killed, and repeats nothing', async () => {
    const model = 'resumed';
    const paths = [await submit(model), await submit(model)];
    const [, path = ''] = paths;
    const doomed = await startReadyApi(server.url);
    const first = await listen(path, undefined, doomed);
    await first.until('queued');
    const [id = ''] = first.ids;
    await doomed.end('SIGKILL');
    await expect(first.ended).rejects.toThrow();

    const restarted = await startReadyApi(server.url);
    onTestFinished(async () => {
      await restarted.end();
    });
    const [here, there] = await Promise.all([listen(path, id), listen(path, id, restarted)]);
    const worker = await startGatedWorker(model);
    for (const client of [here, there]) {
      await eventually(() => {
        expect(client.events.at(-1)?.job.queue?.position).toBe(0);
      });
      expect(client.ids).not.toContain(id);
    }
    await worker.release();
    for (const client of [here, there]) await client.until('processing');
    // Missed while nobody listened: the states between are past, and the present one is told at once.
    here.close();
    await worker.release();
    await there.until('succeeded');
    const back = await listen(path, 'processing');
    await back.ended;
    expect(back.ids).toEqual(['succeeded']);
  });

  it('is closed by a service that stops, in order, so that clients go elsewhere', async () => {
    const path = await submit('stopped');
    const stopping = await startReadyApi(server.url);
    const client = await listen(path, undefined, stopping);
    await client.until('queued');
    expect(await stopping.end()).toBe(0);
    await client.ended;
    const elsewhere = await listen(path, client.ids.at(-1));
    expect(elsewhere.status).toBe(200);
  });

  it('is refused where there is none, and answers HEAD without one', async () => {
    const path = await submit('refused');
    const missing = '/v1/jobs/00000000-0000-4000-8000-000000000000/events';
    expect((await problemOf(await api.request(missing))).code).toBe('job_not_found');
    expect((await problemOf(await api.request('/v1/jobs/x/events'))).code).toBe('job_id_invalid');
    const accept = { headers: { Accept: 'application/json' } };
    expect((await problemOf(await api.request(`${path}/events`, accept))).code).toBe('not_acceptable');
    const post = await api.request(`${path}/events`, { method: 'POST' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    const head = await api.request(`${path}/events`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  });
});

describe('many listeners', () => {
  it('are all told, and cost nothing once they have left', async () => {
    const model = 'popular';
    const paths = [await submit(model), await submit(model), await submit(model)];
    const clients = await Promise.all(Array.from({ length: 300 }, (_, index) => listen(paths[index % 3] ?? '')));
    await eventually(async () => {
      expect(await api.metric('quintet_event_streams')).toBe(300);
    });
    const worker = await startGatedWorker(model);
    await worker.release();
    for (const client of clients.filter((_, index) => index % 3 === 0)) {
      await client.until('succeeded');
      await client.ended;
    }
    for (const client of clients.filter((_, index) => index % 3 === 1)) await client.until('processing');
    expect(await api.metric('quintet_event_streams')).toBe(200);
    for (const client of clients) client.close();
    await eventually(async () => {
      expect(await api.metric('quintet_event_streams')).toBe(0);
    });
    await worker.release();
    await worker.release();
  });
});
