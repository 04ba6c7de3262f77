/** Deliveries as a client of the API sees them: the API, the webhook service and a receiver, with a worker that is told its answers. */
import { deliverySchema, JobStore, Redis, type Delivery } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { jobOf, problemOf, startReadyApi, startWorker } from './api-harness.js';
import { secret, startReceiver, startWebhooks, type Answer } from './webhooks-harness.js';

let server: RedisServer;
let api: ServiceProcess;
let webhooks: ServiceProcess;
let worker: Awaited<ReturnType<typeof startWorker>>;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let image: Buffer;
let addresses = 0;

beforeAll(async () => {
  server = await startRedis();
  receiver = await startReceiver();
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
  const environment = { WEBHOOK_SECRET: secret, ALLOW_PRIVATE_HOSTS: 'true' };
  [api, webhooks, worker] = await Promise.all([
    startReadyApi(server.url, environment),
    startWebhooks(server.url, { ...environment, WEBHOOK_SCHEDULE_SECONDS: '0,0.2', WEBHOOK_TIMEOUT_SECONDS: '5' }),
    startWorker(server),
  ]);
});

afterAll(async () => {
  await Promise.all([api.end(), webhooks.end()]);
  await worker.close();
  receiver.stop();
  await server.stop();
});

/** An address of the receiver's that no other test uses. */
function address(answer?: Answer) {
  const name = `hook-${++addresses}`;
  return { url: receiver.expectAt(name, answer), arrived: () => receiver.at(name) };
}

const submit = (url: string): Promise<Response> =>
  api.request(`/v1/jobs?webhook_url=${encodeURIComponent(url)}`, {
    method: 'POST',
    body: new Uint8Array(image),
    headers: { 'Content-Type': 'image/jpeg' },
  });

const post = (path: string, body?: unknown, type = 'application/json'): Promise<Response> =>
  api.request(path, {
    method: 'POST',
    ...(body === undefined
      ? {}
      : { body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'Content-Type': type } }),
  });

const listSchema = z.object({ deliveries: z.array(deliverySchema), next_cursor: z.string().optional() });
const list = async (path: string) => listSchema.parse(await (await api.request(path)).json());
const deliveryOf = async (response: Response): Promise<Delivery> => deliverySchema.parse(await response.json());

const settled = (id: string): Promise<Delivery> =>
  eventually(async () => {
    const response = await api.request(`/v1/deliveries/${id}`);
    expect(response.status).toBe(200);
    const delivery = await deliveryOf(response);
    expect(delivery.state).not.toBe('pending');
    return delivery;
  });

/** Submits a job and waits until its delivery has ended. */
async function deliver(url: string): Promise<{ job: string; delivery: Delivery }> {
  const { id: job } = await jobOf(await submit(url));
  return { job, delivery: await settled(`msg_${job}`) };
}

describe.concurrent('the deliveries of a job', () => {
  it('are listed with it, and one that succeeded is sent again: the same message under the same id', async () => {
    const { url, arrived } = address();
    const { job, delivery } = await deliver(url);
    expect(await list(`/v1/jobs/${job}/deliveries`)).toEqual({ deliveries: [delivery] });
    expect(delivery).toMatchObject({ job_id: job, event: 'job.succeeded', attempts: [{ status: 204 }] });
    expect(delivery.url).toBe(url.split('?')[0]);

    const response = await post(`/v1/deliveries/${delivery.id}/redeliver`);
    expect([response.status, response.headers.get('location')]).toEqual([202, `/v1/deliveries/${delivery.id}`]);
    expect((await deliveryOf(response)).id).toBe(delivery.id);
    const [first, second] = await eventually(() => {
      expect(arrived()).toHaveLength(2);
      return arrived();
    });
    expect(second?.id).toBe(delivery.id);
    expect(second?.raw.toString()).toBe(first?.raw.toString());
    expect((await settled(delivery.id)).attempts).toHaveLength(2);
    expect(await api.metric('quintet_webhook_redeliveries_total')).toBeGreaterThan(0);
  });

  it('are none before its end, and none where nobody asked for one', async () => {
    const response = await api.request('/v1/jobs', {
      method: 'POST',
      body: new Uint8Array(image),
      headers: { 'Content-Type': 'image/jpeg' },
    });
    const { id } = await jobOf(response);
    expect(await list(`/v1/jobs/${id}/deliveries`)).toEqual({ deliveries: [] });
    const unknown = await api.request('/v1/jobs/01234567-89ab-4def-8123-456789abcdef/deliveries');
    expect((await problemOf(unknown)).code).toBe('job_not_found');
  });

  it('that failed can be found, and sent again when the receiver is repaired and the job forgotten', async () => {
    let broken = true;
    let release = (): void => undefined;
    const { url, arrived } = address((response) => {
      if (broken) response.writeHead(500).end();
      else release = () => void response.writeHead(200).end();
    });
    const { job, delivery } = await deliver(url);
    expect(delivery).toMatchObject({ state: 'failed', attempts: [{ status: 500 }, { status: 500 }] });
    const failed = (await list('/v1/deliveries?state=failed&limit=100')).deliveries;
    expect(failed).toContainEqual(delivery);

    const redis = new Redis(server.url);
    await new JobStore(redis).discard(job);
    redis.disconnect();
    broken = false;
    expect((await post(`/v1/deliveries/${delivery.id}/redeliver`)).status).toBe(202);
    await eventually(() => {
      expect(arrived()).toHaveLength(3);
    });
    const again = await post(`/v1/deliveries/${delivery.id}/redeliver`);
    expect([again.status, (await problemOf(again)).code]).toEqual([409, 'delivery_pending']);
    const pending = await list('/v1/deliveries?state=pending&limit=100');
    expect(pending.deliveries.map(({ id }) => id)).toContain(delivery.id);
    release();
    expect((await settled(delivery.id)).state).toBe('delivered');
    expect(new Set(arrived().map(({ id, raw }) => `${id} ${raw.toString()}`)).size).toBe(1);
    expect(await list(`/v1/jobs/${job}/deliveries`)).toMatchObject({ deliveries: [{ id: delivery.id }] });
  });
});

describe.concurrent('a test event', () => {
  it('is signed, goes the way of all webhooks, and its delivery says how it ended', async () => {
    const { url, arrived } = address();
    const response = await post('/v1/webhooks/test', { webhook_url: url });
    expect(response.status).toBe(202);
    const delivery = await deliveryOf(response);
    expect(response.headers.get('location')).toBe(delivery.links.self);
    expect(delivery).toMatchObject({ event: 'webhook.test', state: 'pending', attempts: [] });
    expect(delivery).not.toHaveProperty('job_id');
    expect((await settled(delivery.id)).state).toBe('delivered');
    expect(arrived()[0]).toMatchObject({
      id: delivery.id,
      body: { type: 'webhook.test', data: { delivery: delivery.id } },
    });
  });

  it('is tried once', async () => {
    const { url, arrived } = address((response) => response.writeHead(503).end());
    const { id } = await deliveryOf(await post('/v1/webhooks/test', { webhook_url: url }));
    expect(await settled(id)).toMatchObject({ state: 'failed', attempts: [{ status: 503, outcome: 'http_error' }] });
    expect(arrived()).toHaveLength(1);
    await post(`/v1/deliveries/${id}/redeliver`);
    await eventually(() => {
      expect(arrived()).toHaveLength(2);
    });
  });

  it('refuses what a submission refuses', async () => {
    const code = async (response: Promise<Response>): Promise<string> => (await problemOf(await response)).code;
    const path = '/v1/webhooks/test';
    expect(await code(post(path))).toBe('body_empty');
    expect(await code(post(path, '{'))).toBe('json_malformed');
    expect(await code(post(path, '[]'))).toBe('json_malformed');
    expect(await code(post(path, {}))).toBe('option_invalid');
    expect(await code(post(path, { webhook_url: 'ftp://example.com' }))).toBe('option_invalid');
    expect(await code(post(path, { webhook_url: 'https://a:b@example.com' }))).toBe('webhook_url_refused');
    expect(await code(post(path, { webhook_url: 'https://example.com', top_k: 1 }))).toBe('option_unknown');
    expect(await code(post(path, 'webhook_url=x', 'application/x-www-form-urlencoded'))).toBe(
      'content_type_unsupported',
    );
    expect((await api.request(path)).status).toBe(405);
  });
});

describe('an address that answered 410', () => {
  it('is refused, also to send again, until a test event succeeds', async () => {
    let gone = true;
    const { url, arrived } = address((response) => response.writeHead(gone ? 410 : 204).end());
    const { delivery } = await deliver(url);
    expect(delivery).toMatchObject({ state: 'failed', attempts: [{ outcome: 'gone' }] });
    const refused = async (response: Promise<Response>): Promise<void> => {
      const answer = await response;
      expect([answer.status, (await problemOf(answer)).code]).toEqual([422, 'webhook_endpoint_disabled']);
    };
    await refused(submit(url));
    await refused(post(`/v1/deliveries/${delivery.id}/redeliver`));

    const test = async (): Promise<Delivery> => {
      const { id } = await deliveryOf(await post('/v1/webhooks/test', { webhook_url: url }));
      return settled(id);
    };
    expect((await test()).state).toBe('failed');
    await refused(submit(url));
    gone = false;
    expect((await test()).state).toBe('delivered');
    expect((await deliver(url)).delivery.state).toBe('delivered');
    expect((await post(`/v1/deliveries/${delivery.id}/redeliver`)).status).toBe(202);
    await eventually(() => {
      expect(arrived()).toHaveLength(5);
    });
  });
});

describe('the list of deliveries', () => {
  it('is read in pages, the newest first, each once', async () => {
    const made: string[] = [];
    for (let i = 0; i < 5; i++) made.push((await deliver(address().url)).delivery.id);
    const seen: string[] = [];
    let path = '/v1/deliveries?state=delivered&limit=2';
    for (let pages = 0; seen.length < 5 && pages < 3; pages++) {
      const page = await list(path);
      expect(page.deliveries.length).toBe(2);
      seen.push(...page.deliveries.map(({ id }) => id));
      path = `/v1/deliveries?state=delivered&limit=2&cursor=${page.next_cursor ?? ''}`;
    }
    expect(seen.slice(0, 5)).toEqual(made.reverse());
    const all = await list('/v1/deliveries?limit=100');
    expect(all.deliveries.map(({ id }) => id)).toEqual(expect.arrayContaining(made));
    expect(new Set(all.deliveries.map(({ state }) => state)).size).toBeGreaterThan(1);
    const times = all.deliveries.map(({ updated_at }) => updated_at);
    expect(times).toEqual([...times].sort().reverse());
  });

  it('says what is wrong with a question', async () => {
    for (const query of ['state=lost', 'limit=0', 'limit=101', 'limit=x', 'cursor=%21', 'state=failed&state=pending']) {
      expect([query, (await problemOf(await api.request(`/v1/deliveries?${query}`))).code]).toEqual([
        query,
        'option_invalid',
      ]);
    }
    expect((await problemOf(await api.request('/v1/deliveries?page=2'))).code).toBe('option_unknown');
    for (const id of ['msg_01234567-89ab-4def-8123-456789abcdef', 'x', 'msg_..%2F..']) {
      expect((await problemOf(await api.request(`/v1/deliveries/${id}`))).code).toBe('delivery_not_found');
      expect((await problemOf(await post(`/v1/deliveries/${id}/redeliver`))).code).toBe('delivery_not_found');
    }
    const { headers } = await api.request('/v1/deliveries', { method: 'DELETE' });
    expect(headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });
});
