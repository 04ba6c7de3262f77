/** The API as its clients meet it: the compiled service, a real Redis, and a worker played through the job store. */
import { classifyQueueName, deliveryId, keyPrefix, keys, Redis, webhookQueueName } from '@quintet/shared';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { formWith, jobOf, problemOf, rawExchange, startReadyApi, startWorker, succeeded } from './api-harness.js';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let server: RedisServer;
let redis: Redis;
let api: ServiceProcess;
let image: Buffer;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
  api = await startReadyApi(server.url, { WEBHOOK_SECRET: secret, MAX_WAIT_SECONDS: '30' });
});

afterAll(async () => {
  await api.end();
  redis.disconnect();
  await server.stop();
});

const post = (body: RequestInit['body'], headers: Record<string, string> = {}, query = ''): Promise<Response> =>
  api.request(`/v1/jobs${query}`, { method: 'POST', body: body ?? null, headers });

const raw = { 'Content-Type': 'image/jpeg' };

async function withQueue<T>(name: string, use: (queue: Queue) => Promise<T>): Promise<T> {
  const queue = new Queue(name, { connection: redis, prefix: keyPrefix });
  try {
    return await use(queue);
  } finally {
    await queue.close();
  }
}

describe('submitting', () => {
  it('takes a form, a raw body and JSON, and hands the same order to the worker', async () => {
    const images: Buffer[] = [];
    const worker = await startWorker(server, (_order, bytes) => {
      images.push(bytes);
      return succeeded();
    });
    const metadata = JSON.stringify({ order: '17' });
    const options = { top_k: 3, min_score: 0.1, metadata: { order: '17' } };
    const responses = [
      await post(formWith(image, { top_k: '3', min_score: '0.1', metadata }), { Prefer: 'wait=10' }),
      await post(
        image,
        { ...raw, Prefer: 'wait=10' },
        `?top_k=3&min_score=0.1&metadata=${encodeURIComponent(metadata)}`,
      ),
      await post(JSON.stringify({ image_base64: image.toString('base64'), ...options }), {
        'Content-Type': 'application/json',
        Prefer: 'wait=10',
      }),
      // Options of a body may come in the query, too, or in both places.
      await post(formWith(image, { metadata }), { Prefer: 'wait=10' }, '?top_k=3&min_score=0.1'),
      await post(
        JSON.stringify({ image_base64: image.toString('base64'), top_k: 3 }),
        { 'Content-Type': 'application/json', Prefer: 'wait=10' },
        `?top_k=3&min_score=.1&metadata=${encodeURIComponent(metadata)}`,
      ),
    ];
    for (const response of responses) {
      expect(response.status).toBe(200);
      expect(response.headers.get('preference-applied')).toBe('wait=10');
      expect(response.headers.get('vary')).toMatch(/\bPrefer\b/);
      const job = await jobOf(response);
      expect(job).toMatchObject({
        status: 'succeeded',
        model: { name: 'resnet50', version: 'sha256:0123', weights: 'demo' },
        metadata: { order: '17' },
        predictions: [{ label: 'electric ray' }],
        links: { self: `/v1/jobs/${job.id}` },
      });
      expect(response.headers.get('location')).toBe(job.links.self);
    }
    expect(worker.orders).toHaveLength(responses.length);
    for (const order of worker.orders) expect(order).toMatchObject({ model: 'resnet50', top_k: 3, min_score: 0.1 });
    expect(images.every((each) => each.equals(image))).toBe(true);
    // The id that the client has is the one that the worker logs.
    expect(worker.orders.map((order) => order.request_id)).toEqual(responses.map((r) => r.headers.get('x-request-id')));
    await worker.close();
  });

  it('answers 202 at once without a preference, and the job can be polled, waited for and canceled', async () => {
    const response = await post(image, raw);
    expect(response.status).toBe(202);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const job = await jobOf(response);
    expect(job).toMatchObject({ status: 'queued', metadata: {} });
    expect(job).not.toHaveProperty('started_at');

    const read = await api.request(job.links.self);
    expect(read.status).toBe(200);
    expect(await jobOf(read)).toEqual(job);

    const canceled = await api.request(job.links.self, { method: 'DELETE' });
    expect(canceled.status).toBe(200);
    expect(await jobOf(canceled)).toMatchObject({ id: job.id, status: 'canceled' });
    expect(await jobOf(await api.request(job.links.self))).toMatchObject({ status: 'canceled' });
    // Nothing of it waits for a worker, and the picture is gone.
    await withQueue(classifyQueueName('resnet50'), async (queue) => {
      expect(await queue.getJobState(job.id)).toBe('unknown');
    });
    expect(await redis.exists(keys.image(job.id))).toBe(0);

    const again = await api.request(job.links.self, { method: 'DELETE' });
    expect(again.status).toBe(409);
    expect((await problemOf(again)).code).toBe('job_finished');
  });

  it('waits no longer than asked, and says 202 then', async () => {
    const started = performance.now();
    const response = await post(image, { ...raw, Prefer: 'respond-async, wait=1' });
    expect(response.status).toBe(202);
    expect(performance.now() - started).toBeGreaterThan(950);
    expect(response.headers.get('preference-applied')).toBe('wait=1, respond-async');
    const { id } = await jobOf(response);
    await api.request(`/v1/jobs/${id}`, { method: 'DELETE' });
  });

  it('shows a job that a worker runs, and wakes all who wait for it', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const worker = await startWorker(server, async () => {
      await held;
      return succeeded();
    });
    const job = await jobOf(await post(image, raw));
    const processing = await eventually(async () => {
      const seen = await jobOf(await api.request(job.links.self));
      expect(seen.status).toBe('processing');
      return seen;
    });
    expect(processing.started_at).toBeDefined();
    const waits = Array.from({ length: 50 }, () => api.request(job.links.self, { headers: { Prefer: 'wait' } }));
    await eventually(async () => {
      expect(await api.metric('quintet_waiting_requests')).toBe(50);
    });
    release();
    for (const response of await Promise.all(waits)) {
      expect(response.headers.get('preference-applied')).toBe('wait=30');
      expect((await jobOf(response)).status).toBe('succeeded');
    }
    await worker.close();
  });

  it('keeps nothing of a waiting client that leaves', async () => {
    const job = await jobOf(await post(image, raw));
    const leaving = new AbortController();
    const wait = api.request(job.links.self, { headers: { Prefer: 'wait=30' }, signal: leaving.signal });
    await eventually(async () => {
      expect(await api.metric('quintet_waiting_requests')).toBe(1);
    });
    leaving.abort();
    await expect(wait).rejects.toThrow();
    await eventually(async () => {
      expect(await api.metric('quintet_waiting_requests')).toBe(0);
    });
    await api.request(job.links.self, { method: 'DELETE' });
  });

  it('passes the deadline and the priority on', async () => {
    const job = await jobOf(await post(image, raw, '?ttl_seconds=2.5&priority=7'));
    await withQueue(classifyQueueName('resnet50'), async (queue) => {
      const queued = await queue.getJob(job.id);
      expect(queued?.opts.priority).toBe(7);
      const order = queued?.data as { deadline_ms: number; created_ms: number };
      expect(order.deadline_ms - order.created_ms).toBe(2500);
    });
    await api.request(job.links.self, { method: 'DELETE' });
  });

  it('runs jobs of lower priority numbers first', async () => {
    const ids: string[] = [];
    for (const priority of [10, 1, 0, 5]) ids.push((await jobOf(await post(image, raw, `?priority=${priority}`))).id);
    const order: string[] = [];
    await withQueue(classifyQueueName('resnet50'), async (queue) => {
      for (const job of await queue.getJobs(['waiting', 'prioritized'], 0, -1, true)) order.push(job.id ?? '');
    });
    expect(order).toEqual([ids[2], ids[1], ids[3], ids[0]]);
    for (const id of ids) await api.request(`/v1/jobs/${id}`, { method: 'DELETE' });
  });

  it('says 100 Continue to a client that asks before it sends', async () => {
    const head = [
      'POST /v1/jobs HTTP/1.1\r\nHost: quintet\r\nContent-Type: image/jpeg\r\nConnection: close\r\n',
      `Content-Length: ${image.length}\r\nExpect: 100-continue\r\n\r\n`,
    ].join('');
    const asked = await rawExchange(api.port, [head], { enough: (text) => text.includes('\r\n\r\n') });
    expect(asked).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    expect(await rawExchange(api.port, [head, image])).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 202 /);
  });
});

describe('webhooks', () => {
  const hook = 'https://93.184.216.34/hook';

  it('puts the delivery above the classification, where it starts when that has ended', async () => {
    const response = await post(formWith(image, { webhook_url: hook, webhook_events: 'job.canceled' }));
    expect(response.status).toBe(202);
    const { id } = await jobOf(response);
    await withQueue(webhookQueueName, async (queue) => {
      expect(await queue.getJobState(deliveryId(id))).toBe('waiting-children');
      const delivery = await queue.getJob(deliveryId(id));
      expect(delivery?.data).toEqual({ id, request_id: response.headers.get('x-request-id') });
      expect(delivery?.opts).toMatchObject({ attempts: 40, backoff: { type: 'custom' } });
      await api.request(`/v1/jobs/${id}`, { method: 'DELETE' });
      expect(await queue.getJobState(deliveryId(id))).toBe('waiting');
    });
    const record = JSON.parse((await redis.hget(keys.job(id), 'record')) ?? '{}') as Record<string, unknown>;
    expect(record['webhook']).toEqual({ url: hook, events: ['job.canceled'] });
  });

  it('refuses private addresses, and events without an address', async () => {
    for (const url of ['http://127.0.0.1/x', 'http://2130706433/', 'http://[::1]/', 'http://169.254.169.254/meta']) {
      const response = await post(formWith(image, { webhook_url: url }));
      expect([url, response.status, (await problemOf(response)).code]).toEqual([url, 422, 'webhook_url_refused']);
    }
    expect((await problemOf(await post(image, raw, '?webhook_events=job.failed'))).code).toBe('option_invalid');
  });

  it('are refused where nothing can sign them', async () => {
    const unsigned = await startReadyApi(server.url);
    const body = formWith(image, { webhook_url: hook });
    const response = await unsigned.request('/v1/jobs', { method: 'POST', body });
    expect([response.status, (await problemOf(response)).code]).toEqual([422, 'webhooks_disabled']);
    expect(await unsigned.end()).toBe(0);
  });
});

describe('a full queue', () => {
  it('is said at once, with the time to come back', async () => {
    const small = await startReadyApi(server.url, { MAX_QUEUE_DEPTH: '3', DEFAULT_MODEL: 'crowded' });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      const response = await small.request('/v1/jobs', { method: 'POST', body: new Uint8Array(image), headers: raw });
      statuses.push(response.status);
      if (response.status !== 503) continue;
      expect((await problemOf(response)).code).toBe('queue_full');
      expect(response.headers.get('retry-after')).toBe('60'); // nobody drains it
    }
    expect(statuses).toEqual([202, 202, 202, 503, 503]);
    expect(await small.end()).toBe(0);
  });
});

describe('a job that everybody gave up', () => {
  it('ends as worker_lost for whoever asks', async () => {
    const { id } = await jobOf(await post(image, raw));
    const record = JSON.parse((await redis.hget(keys.job(id), 'record')) ?? '{}') as Record<string, unknown>;
    record['created_at'] = '2026-01-01T00:00:00.000Z';
    await redis.hset(keys.job(id), 'record', JSON.stringify(record));
    await withQueue(classifyQueueName('resnet50'), (queue) => queue.remove(id));
    const job = await jobOf(await api.request(`/v1/jobs/${id}`));
    expect(job).toMatchObject({ status: 'failed', error: { code: 'worker_lost', status: 500 } });
    expect(await jobOf(await api.request(`/v1/jobs/${id}`))).toEqual(job);
  });
});
