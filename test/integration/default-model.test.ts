/** The model of jobs that name none, where DEFAULT_MODEL is not set: what the workers serve. */
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { Presence, Redis } from '@quintet/shared';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { jobOf, problemOf, startReadyApi, startWorker, succeeded } from './api-harness.js';

let server: RedisServer;
let api: ServiceProcess;
let image: Buffer;

beforeAll(async () => {
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
  server = await startRedis();
  api = await startReadyApi(server.url, { DEFAULT_MODEL: '' });
});

afterAll(async () => {
  await api.end();
  await server.stop();
});

const post = (path: string, to = api): Promise<Response> =>
  to.request(path, { method: 'POST', body: new Uint8Array(image), headers: { 'content-type': 'image/jpeg' } });

async function listedDefault(of = api): Promise<unknown> {
  const list = (await (await of.request('/v1/models')).json()) as { default?: unknown };
  return list.default;
}

// In this order: each test goes on where the one before it ended.
it('is none before the first worker: a job is refused, and told when to come again', async () => {
  expect(await listedDefault()).toBeUndefined();
  const refused = await post('/v1/jobs');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await problemOf(refused)).toMatchObject({ code: 'model_unavailable', retryable: true });
});

it('is what the first worker serves as soon as it is there, and the better one of two', async () => {
  const first = await startWorker(server, succeeded, 'efficientnet-lite0');
  onTestFinished(() => first.close());
  expect((await jobOf(await post('/v1/jobs'))).model.name).toBe('efficientnet-lite0');
  const second = await startWorker(server, succeeded, 'resnet50');
  onTestFinished(() => second.close());
  await eventually(async () => {
    expect(await listedDefault()).toBe('resnet50');
  });
  expect((await jobOf(await post('/v1/jobs'))).model.name).toBe('resnet50');
});

it('is what it was last, for an API that starts while no worker lives', async () => {
  const redis = new Redis(server.url);
  for (const model of ['efficientnet-lite0', 'resnet50']) await new Presence(redis).withdraw(`worker-${model}`);
  redis.disconnect();
  const restarted = await startReadyApi(server.url, { DEFAULT_MODEL: '' });
  onTestFinished(async () => {
    await restarted.end();
  });
  const job = await post('/v1/jobs', restarted);
  expect([job.status, (await jobOf(job)).model.name]).toEqual([202, 'resnet50']);
});
