/** Idempotency-Key as a client meets it: compiled APIs on one Redis, and what a crash leaves behind. */
import { randomUUID } from 'node:crypto';
import { classifyQueueName, IdempotencyStore, keyPrefix, keys, Redis, type KnownKey } from '@quintet/shared';
import { Queue } from 'bullmq';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Idempotency } from '../../services/api/src/jobs/idempotency.js';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { formWith, jobOf, problemOf, startReadyApi, startWorker, succeeded } from './api-harness.js';

let server: RedisServer;
let redis: Redis;
let queue: Queue;
let apis: [ServiceProcess, ServiceProcess];
let image: Buffer;
let other: Buffer;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url, { maxRetriesPerRequest: null });
  queue = new Queue(classifyQueueName('resnet50'), { connection: redis, prefix: keyPrefix });
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
  other = await makeImage({ format: 'jpeg', width: 48, height: 64 });
  const start = () => startReadyApi(server.url, { IDEMPOTENCY_TTL_SECONDS: '1000' });
  apis = await Promise.all([start(), start()]);
});
afterAll(async () => {
  await Promise.all(apis.map((api) => api.end()));
  await queue.close();
  redis.disconnect();
  await server.stop();
});
afterEach(() => redis.flushall());

const post = (
  key: string | undefined,
  { api = apis[0], body = image as RequestInit['body'], query = '', headers = {} } = {},
): Promise<Response> =>
  api.request(`/v1/jobs${query}`, {
    method: 'POST',
    body: body instanceof Buffer ? new Uint8Array(body) : (body ?? null),
    headers: {
      ...(body instanceof Buffer ? { 'Content-Type': 'image/jpeg' } : {}),
      ...(key === undefined ? {} : { 'Idempotency-Key': key }),
      ...headers,
    },
  });

const recordCount = async (): Promise<number> => (await redis.keys(keys.job('*'))).length;

/** The one key there is, as Redis has it. */
async function theKey(): Promise<string> {
  const [key, ...more] = await redis.keys(keys.idempotency('*'));
  if (key === undefined || more.length > 0) throw new Error('there is not exactly one key');
  return key;
}

describe('a request that is sent again', () => {
  it('is answered with the same job as it stands by then, and makes nothing', async () => {
    const key = '"8e03978e-40d5-43dd-bc93-6894a57f9324"';
    const first = await post(key);
    expect(first.status).toBe(202);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    const job = await jobOf(first);

    const second = await post(key, { api: apis[1] });
    expect(second.status).toBe(202);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.headers.get('location')).toBe(job.links.self);
    expect(await jobOf(second)).toEqual(job);

    // Waiting for it works as for any job.
    const waiting = post(key, { api: apis[1], headers: { Prefer: 'wait=10' } });
    const worker = await startWorker(server);
    const third = await waiting;
    expect([third.status, third.headers.get('preference-applied')]).toEqual([200, 'wait=10']);
    expect(await jobOf(third)).toMatchObject({ id: job.id, status: 'succeeded' });
    const fourth = await post(key.replaceAll('"', ''));
    expect([fourth.status, fourth.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    expect(await jobOf(fourth)).toMatchObject({ id: job.id, status: 'succeeded' });

    expect(worker.orders.map(({ id }) => id)).toEqual([job.id]);
    await worker.close();
    expect(await recordCount()).toBe(1);
    expect(await redis.ttl(await theKey())).toBeGreaterThan(900);
    const replays = await Promise.all(apis.map((api) => api.metric('quintet_idempotent_replays_total')));
    expect(replays.reduce((all, one) => all + one, 0)).toBe(3);
  });

  it('is the same in each form of body, however its options are written', async () => {
    const metadata = { a: '1', b: '2' };
    const { id } = await jobOf(await post('k', { body: formWith(image, { metadata: JSON.stringify(metadata) }) }));
    const json = { top_k: 5, metadata: { b: '2', a: '1' }, image_base64: image.toString('base64') };
    const asJson = await post('k', { body: JSON.stringify(json), headers: { 'Content-Type': 'application/json' } });
    expect(await jobOf(asJson)).toMatchObject({ id });
    const query = `?priority=0&metadata=${encodeURIComponent(JSON.stringify(metadata))}&model=resnet50`;
    expect(await jobOf(await post('k', { query }))).toMatchObject({ id });
    expect(await recordCount()).toBe(1);
  });

  it('of many at once on two replicas makes one job; the others learn of it, or are told to come again', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => post('k', { api: apis[index % 2] ?? apis[0] })),
    );
    const made = answers.filter(({ status, headers }) => status === 202 && !headers.has('idempotent-replayed'));
    expect(made).toHaveLength(1);
    const ids = new Set<string>();
    for (const answer of answers) {
      if (answer.status === 202) {
        ids.add((await jobOf(answer)).id);
        continue;
      }
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([409, '1']);
      expect(await problemOf(answer)).toMatchObject({ code: 'idempotency_in_progress', retryable: true });
    }
    expect(ids.size).toBe(1);
    expect([await recordCount(), await queue.getWaitingCount()]).toEqual([1, 1]);
  });
});

describe('a key', () => {
  it('does not stand for another picture, nor for other options', async () => {
    await post('k');
    for (const request of [post('k', { body: other }), post('k', { query: '?top_k=4', api: apis[1] })]) {
      const refused = await request;
      expect(refused.status).toBe(422);
      expect((await problemOf(refused)).code).toBe('idempotency_key_reused');
    }
    expect(await recordCount()).toBe(1);
  });

  it('is refused where it is malformed', async () => {
    const refused = await post('"unclosed');
    expect(refused.status).toBe(400);
    expect((await problemOf(refused)).code).toBe('idempotency_key_invalid');
  });

  it('is free again after a submission that failed', async () => {
    const broken = await post('k', { body: image.subarray(0, 100) });
    expect(broken.status).toBe(422);
    expect((await post('k')).status).toBe(202);
  });

  it('replays while the queue is full, and is free for what found it full', async () => {
    const api = await startReadyApi(server.url, { MAX_QUEUE_DEPTH: '2' });
    const ids = await Promise.all(['a', 'b'].map(async (key) => (await jobOf(await post(key, { api }))).id));
    const full = await post('late', { api });
    expect(full.status).toBe(503);
    expect((await problemOf(full)).code).toBe('queue_full');
    const replayed = await post('b', { api });
    expect([replayed.status, (await jobOf(replayed)).id]).toEqual([202, ids[1]]);
    const worker = await startWorker(server);
    await eventually(async () => {
      expect((await post('late', { api })).status).toBeLessThan(300);
    });
    await worker.close();
    await api.end();
  });

  it('is free again when its job is no longer kept', async () => {
    const { id } = await jobOf(await post('k'));
    await redis.unlink(keys.job(id));
    const next = await post('k');
    expect([next.status, next.headers.has('idempotent-replayed')]).toEqual([202, false]);
    expect((await jobOf(next)).id).not.toBe(id);
  });

  it('keeps standing for a job that was canceled', async () => {
    const { id } = await jobOf(await post('k'));
    await apis[0].request(`/v1/jobs/${id}`, { method: 'DELETE' });
    const again = await post('k');
    expect([again.status, await jobOf(again)]).toMatchObject([200, { id, status: 'canceled' }]);
  });

  it('belongs to its client: another one makes its own thing with it', async () => {
    const idempotency = new Idempotency(new IdempotencyStore(redis, 100));
    const make = (name: string | undefined) => {
      const id = randomUUID();
      return idempotency.run({
        client: { name },
        route: 'POST /v1/jobs',
        key: 'k',
        fingerprint: `of ${String(name)}`,
        id,
        find: () => Promise.resolve('whole'),
        submit: () => Promise.resolve(id),
      });
    };
    const made = await Promise.all([make('ann'), make('bob'), make(undefined)]);
    expect(new Set(made.map((each) => ('made' in each ? each.made : 'replayed'))).size).toBe(3);
    expect(await make('ann')).toHaveProperty('replayed');
  });
});

describe('an API that dies between its claim and the end of its submission', () => {
  /** Makes a job under the key `k`, and the key look as if the API had died `ageMs` ago without settling it. */
  async function crashed(ageMs: number): Promise<string> {
    const { id } = await jobOf(await post('k'));
    await redis.hset(await theKey(), { state: 'pending', claimed_ms: Date.now() - ageMs });
    return id;
  }

  it('keeps the key busy for some seconds', async () => {
    const id = await crashed(0);
    await redis.unlink(keys.job(id));
    const answer = await post('k', { api: apis[1] });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([409, '1']);
  });

  it('has left all: the job counts', async () => {
    const id = await crashed(60_000);
    const again = await post('k', { api: apis[1] });
    expect([again.status, (await jobOf(again)).id]).toEqual([202, id]);
    expect((await post('k', { body: other })).status).toBe(422);
    expect(await redis.hget(await theKey(), 'state')).toBe('done');
  });

  it.each(['nothing', 'a record that is in no queue'])('has left %s: the next one makes the job', async (what) => {
    const id = await crashed(60_000);
    await queue.remove(id);
    if (what === 'nothing') await redis.unlink(keys.job(id), keys.image(id));
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => post('k', { api: apis[index % 2] ?? apis[0] })),
    );
    const made = answers.filter(({ status, headers }) => status === 202 && !headers.has('idempotent-replayed'));
    expect(made).toHaveLength(1);
    expect(await queue.getWaitingCount()).toBe(1);
    const [waiting] = await queue.getWaiting();
    expect(waiting?.id).not.toBe(id);
    expect((await jobOf(await post('k'))).id).toBe(waiting?.id);
  });

  it('is really killed while it submits: the job is made once, whenever it died', async () => {
    const worker = await startWorker(server, succeeded);
    for (const delayMs of [0, 2, 4, 8, 16]) {
      await redis.flushall();
      const victim = await startReadyApi(server.url);
      worker.orders.length = 0;
      const request = post('k', { api: victim }).catch(() => undefined);
      setTimeout(() => victim.process.kill('SIGKILL'), delayMs);
      await request;
      await victim.end('SIGKILL');
      // Not ten seconds in each round: what is pending is made old by hand.
      for (const key of await redis.keys(keys.idempotency('*'))) {
        if ((await redis.hget(key, 'state')) === 'pending') await redis.hset(key, 'claimed_ms', 0);
      }
      const again = await post('k', { headers: { Prefer: 'wait=30' } });
      const job = await jobOf(again);
      expect([again.status, job.status]).toEqual([200, 'succeeded']);
      expect(worker.orders.map(({ id }) => id)).toEqual([job.id]);
    }
    await worker.close();
  });
});

describe('the claim in Redis', () => {
  it('does what its model does, in any order', async () => {
    const store = new IdempotencyStore(redis, 100);
    const step = fc.record({
      command: fc.constantFrom('claim', 'take over', 'settle', 'release'),
      hash: fc.constantFrom('h', 'i'),
      id: fc.constantFrom('a', 'b', 'c'),
      fingerprint: fc.constantFrom('p', 'q'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        await redis.flushall();
        const model = new Map<string, Omit<KnownKey, 'ageMs'>>();
        for (const { command, hash, id, fingerprint } of steps) {
          const known = model.get(hash);
          if (command === 'settle') {
            await store.settle(hash, id);
            if (known?.id === id) model.set(hash, { ...known, state: 'done' });
          } else if (command === 'release') {
            await store.release(hash, id);
            if (known?.id === id) model.delete(hash);
          } else {
            const instead = command === 'claim' ? undefined : 'a';
            const answer = await store.claim(hash, fingerprint, id, instead);
            if (known === undefined || known.id === instead) {
              expect(answer).toBeUndefined();
              model.set(hash, { state: 'pending', fingerprint, id });
            } else {
              expect(answer).toMatchObject(known);
              expect(answer?.ageMs).toBeGreaterThanOrEqual(0);
            }
          }
          expect(await store.knows(hash)).toBe(model.has(hash));
        }
      }),
      { numRuns: 40 },
    );
  });
});
