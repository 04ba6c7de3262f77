/** Batches while processes die: each item ends once, and what was promised to nobody goes away. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import {
  BatchStore,
  classifyQueueName,
  deliveryId,
  JobStore,
  keyPrefix,
  keys,
  Redis,
  webhookQueueName,
} from '@quintet/shared';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { eventually, startService } from '../support/service-process.js';
import { startStack, stackWebhookSecret, type Stack } from '../support/stack.js';
import { testModel } from '../support/test-model.js';
import { batchOf, documentOf, formOf, resultsOf, startHookReceiver } from './batches-harness.js';

let stack: Stack;
let redis: Redis;
let receiver: Awaited<ReturnType<typeof startHookReceiver>>;
let image: Buffer;

beforeAll(async () => {
  [stack, receiver] = await Promise.all([startStack({ env: { MAX_WAIT_SECONDS: '60' } }), startHookReceiver()]);
  redis = new Redis(stack.redis.url);
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
});
afterAll(async () => {
  receiver.stop();
  redis.disconnect();
  await stack.stop();
});

const many = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `${i}.jpg`, content: image }));

describe('an API that is killed', () => {
  it('in the middle of an upload leaves what expires, and no batch', async () => {
    const api = await stack.addApi();
    const socket = connect({ port: api.port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write('POST /v1/batches HTTP/1.1\r\nHost: q\r\nContent-Type: multipart/form-data; boundary=x\r\n');
    socket.write('Content-Length: 1000000\r\n\r\n');
    for (const { name, content } of many(5)) {
      socket.write(`--x\r\nContent-Disposition: form-data; name="images"; filename="${name}"\r\n\r\n`);
      socket.write(content);
      socket.write('\r\n');
    }
    const staged = await eventually(async () => {
      const found = await redis.keys(keys.image('*'));
      expect(found.length).toBeGreaterThanOrEqual(4);
      return found;
    });
    await api.end('SIGKILL');
    for (const key of staged) expect(await redis.ttl(key)).toBeLessThanOrEqual(600);
    expect(await redis.keys(keys.job('*'))).toEqual([]);
    expect(await redis.keys(keys.batch('*'))).toEqual([]);
    await redis.unlink(staged);
  });

  it('in the middle of queueing leaves items that are canceled or run for nobody, and tells nobody', async () => {
    const api = await stack.addApi();
    const body = documentOf(many(900), { webhook_url: receiver.url });
    const answer = api
      .request('/v1/batches', { method: 'POST', body, headers: { 'Content-Type': 'application/json' } })
      .then(
        (response) => response.status,
        () => 'cut',
      );
    const queue = `${keyPrefix}:${classifyQueueName(testModel)}`;
    while ((await redis.exists(`${queue}:prioritized`, `${queue}:active`)) === 0);
    await api.end('SIGKILL');
    expect(await answer).toBe('cut');
    const [base = ''] = (await redis.keys(keys.batch('*'))).filter((key) => key.split(':').length === 3);
    expect(await redis.hexists(base, 'total')).toBe(0);
    const id = base.split(':')[2] ?? '';
    expect((await fetch(`${stack.url}/v1/batches/${id}`)).status).toBe(404);

    // A minute later, as far as the record tells.
    const record = JSON.parse((await redis.hget(base, 'record')) ?? '{}') as Record<string, unknown>;
    await redis.hset(base, 'record', JSON.stringify({ ...record, created_at: '2026-01-01T00:00:00.000Z' }));
    const deliveries = new Queue(webhookQueueName, { connection: redis, prefix: keyPrefix });
    await eventually(async () => {
      const order = await deliveries.getJob(deliveryId(id));
      expect([await order?.getState(), order?.returnvalue]).toEqual(['completed', { outcome: 'dropped' }]);
    });
    await deliveries.close();
    const store = new BatchStore(redis);
    const items = await store.items(id, 0, 900);
    expect(items).toHaveLength(900);
    const jobs = (await store.jobs(items.map(({ jobId }) => jobId))).filter((job) => job !== undefined);
    expect(jobs.length).toBeGreaterThan(0);
    expect(jobs.length).toBeLessThan(900);
    for (const job of jobs) expect(job.outcome?.status).toMatch(/^(succeeded|canceled)$/);
    expect(receiver.hooks).toEqual([]);
  });
});

describe('a webhook service that is killed', () => {
  it('between taking an item from the outbox and queueing it, leaves it to the next', async () => {
    const store = new JobStore(redis);
    const id = randomUUID();
    const now = new Date().toISOString();
    const webhook = { url: receiver.url };
    await store.create({ id, model: { name: testModel }, created_at: now, metadata: {}, webhook }, image, 600);
    await store.finish(id, { status: 'canceled', finished_at: now }, 600);
    await redis.lpush(keys.outboxMoving, `${id} a-request`);
    const next = await startService('webhooks', {
      REDIS_URL: stack.redis.url,
      WEBHOOK_SECRET: stackWebhookSecret,
      ALLOW_PRIVATE_HOSTS: 'true',
    });
    await eventually(async () => {
      expect(receiver.hooks.map(({ data, type }) => [data.id, type])).toEqual([[id, 'job.canceled']]);
      expect(await redis.exists(keys.outboxMoving)).toBe(0);
    });
    expect(await next.end()).toBe(0);
    receiver.hooks.length = 0;
  });
});

describe('a worker that is killed in the middle of a batch', () => {
  it('costs time and nothing else: each item ends once, in its place', async () => {
    const form = formOf(many(120), { webhook_url: receiver.url, webhook_events: 'batch.completed,job.succeeded' });
    const response = await fetch(`${stack.url}/v1/batches`, { method: 'POST', body: form });
    expect(response.status).toBe(202);
    const batch = await batchOf(response);
    await eventually(async () => {
      const { counts } = await batchOf(await fetch(stack.url + batch.links.self));
      expect(counts.succeeded).toBeGreaterThan(10);
    });
    await stack.workers[0]?.kill();
    await stack.addWorker();
    const done = await batchOf(await fetch(stack.url + batch.links.self, { headers: { Prefer: 'wait=50' } }));
    expect(done).toMatchObject({ status: 'completed', total: 120, counts: { succeeded: 120, failed: 0, queued: 0 } });
    const results = await resultsOf(stack.url, batch);
    expect(results.map(({ name, job }) => [name, job?.status])).toEqual(
      many(120).map(({ name }) => [name, 'succeeded']),
    );
    await eventually(() => {
      expect(receiver.hooks).toHaveLength(121);
    });
    const ids = receiver.hooks.map(({ data }) => data.id);
    expect(new Set(ids)).toEqual(new Set([batch.id, ...results.map(({ job_id }) => job_id)]));
    expect(new Set(ids).size).toBe(121);
  });
});
