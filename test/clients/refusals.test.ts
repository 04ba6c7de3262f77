/** What a full, guarded or broken service says to clients of other protocols. */
import { randomUUID } from 'node:crypto';
import { createApiKey } from '@quintet/shared';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobOf, startReadyApi, succeeded } from '../integration/api-harness.js';
import { eventually } from '../support/service-process.js';
import { bytes, failureOf, held, json, model, startWireStand, type WireStand } from './support/wire-stand.js';

let stand: WireStand;
beforeAll(async () => {
  stand = await startWireStand();
});
beforeEach(() => {
  stand.reset();
});
afterAll(async () => {
  await stand.stop();
});

describe('what a full, guarded or broken service says', () => {
  const full = async (): Promise<void> => {
    // Nobody serves it: the queue stays full.
    await stand.redis.hset('{quintet}:models', 'idle', json({ name: 'idle', version: 'sha256:4567' }));
    await eventually(async () => {
      const response = await stand.post(
        '/v1/jobs?model=idle',
        bytes(stand.photo),
        { 'Content-Type': 'image/jpeg' },
        stand.impatient,
      );
      expect(response.status).toBe(503);
    });
  };

  it('is 429 with Retry-After for Hugging Face clients, whose 503 is repeated at once, and 503 for others', async () => {
    await full();
    const response = await stand.post('/models/idle', bytes(stand.photo), {}, stand.impatient);
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await failureOf(response)).toMatchObject({ status: 429, code: 'queue_full' });
  });

  it('leaves none of several rows behind where there is no room for all', async () => {
    const data = Array.from({ length: 24 }, () => 1);
    const rows = json({ inputs: [{ name: 'data', shape: [2, 3, 2, 2], datatype: 'FP32', data }] });
    const release = held();
    stand.answer = async () => {
      await release.promise;
      return succeeded();
    };
    await eventually(async () => {
      const response = await stand.post(`/v2/models/${model}/infer`, rows, {}, stand.impatient);
      expect(await failureOf(response)).toMatchObject({ status: 503, code: 'queue_full' });
    });
    for (const { order } of stand.taken) {
      expect((await jobOf(await stand.api.request(`/v1/jobs/${order.id}`))).status).toBe('canceled');
    }
    expect(await stand.impatient.metric('quintet_jobs_canceled_total')).toBeGreaterThan(0);
    release.now();
  });

  it('is 401 and 403 in the same shape, for submissions only', async () => {
    const reader = createApiKey('reader', ['read']);
    const keys = JSON.stringify([reader.entry]);
    const guarded = await startReadyApi(stand.server.url, { API_KEYS: keys, DEFAULT_MODEL: model });
    const bearer = { Authorization: `Bearer ${reader.key}` };
    for (const path of [`/models/${model}`, `/v2/models/${model}/infer`]) {
      const refused = await stand.post(path, 'x', {}, guarded);
      expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(await failureOf(refused)).toMatchObject({ status: 401, code: 'api_key_missing' });
      expect(await failureOf(await stand.post(path, 'x', bearer, guarded))).toMatchObject({
        status: 403,
        code: 'scope_missing',
      });
    }
    expect((await guarded.request('/v2/health/ready')).status).toBe(200);
    expect(await failureOf(await guarded.request(`/v2/models/${model}`))).toMatchObject({
      status: 401,
      code: 'api_key_missing',
    });
    expect((await guarded.request(`/v2/models/${model}`, { headers: bearer })).status).toBe(200);
    expect(await guarded.end()).toBe(0);
  });

  it('bounds what one client may have open, all rows of a request together', async () => {
    const limited = await startReadyApi(stand.server.url, {
      DEFAULT_MODEL: model,
      MAX_CONCURRENT_JOBS_PER_CLIENT: '2',
    });
    const request = (count: number): string =>
      json({
        inputs: [
          {
            name: 'data',
            shape: [count, 3, 2, 2],
            datatype: 'FP32',
            data: Array.from({ length: count * 12 }, () => 1),
          },
        ],
      });
    const path = `/v2/models/${model}/infer`;
    expect(await failureOf(await stand.post(path, request(3), {}, limited))).toMatchObject({
      status: 429,
      code: 'concurrency_limited',
    });
    // Nothing stays stand.taken, neither by what was refused nor by what has ended.
    for (let round = 0; round < 3; round += 1)
      expect((await stand.post(path, request(2), {}, limited)).status).toBe(200);
    expect(stand.taken).toHaveLength(6);
    expect(await limited.end()).toBe(0);
  });

  it('is 502 for Hugging Face clients while Redis is away, and 503 for others', async () => {
    await stand.server.kill();
    await eventually(async () => {
      expect(await failureOf(await stand.post(`/models/${model}`, bytes(stand.photo)))).toMatchObject({
        status: 502,
        code: 'redis_unavailable',
      });
    });
    expect(await failureOf(await stand.post(`/v2/models/${model}/infer`, randomUUID()))).toMatchObject({
      status: 503,
      code: 'redis_unavailable',
    });
    expect((await stand.api.request('/v2/health/ready')).status).toBe(503);
    await stand.server.start();
  });
});
