/** What the API says of itself: models, metrics, health, and whether it starts at all. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { jobOf, startApi, startReadyApi, startWorker, succeeded } from './api-harness.js';

let server: RedisServer;
let api: ServiceProcess;
let image: Buffer;

beforeAll(async () => {
  server = await startRedis();
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
  // Requests are logged at `debug`.
  api = await startReadyApi(server.url, { LOG_LEVEL: 'debug' });
});

afterAll(async () => {
  await api.end();
  await server.stop();
});

const post = (body: RequestInit['body'], headers: Record<string, string> = {}, query = ''): Promise<Response> =>
  api.request(`/v1/jobs${query}`, { method: 'POST', body: body ?? null, headers });

const raw = { 'Content-Type': 'image/jpeg' };

describe('the service about itself', () => {
  it('lists models and who serves them', async () => {
    const worker = await startWorker(server, succeeded, 'mobilenetv2');
    await eventually(async () => {
      const { models } = (await (await api.request('/v1/models')).json()) as { models: Record<string, unknown>[] };
      expect(models.find(({ name }) => name === 'mobilenetv2')).toEqual({
        name: 'mobilenetv2',
        version: 'sha256:0123',
        weights: 'demo',
        explainable: true,
        preprocess: { resize: 256, crop: 224 },
        workers: [
          {
            id: 'worker-mobilenetv2',
            device: 'cpu',
            since: '2026-01-01T00:00:00.000Z',
            streams: 2,
            intra_op_threads: 1,
            max_batch_size: 4,
            profile: { optimized_for: 'throughput', images_per_second: 25, latency_ms: { '1': 80 } },
          },
        ],
      });
    });
    const response = await post(image, { ...raw, Prefer: 'wait=10' }, '?model=mobilenetv2');
    expect((await jobOf(response)).model).toEqual({ name: 'mobilenetv2', version: 'sha256:0123', weights: 'demo' });
    await worker.close();
  });

  it('measures by route, and shows the depth of its queues', async () => {
    await api.request('/v1/jobs/../../etc/passwd?secret=1');
    const job = await jobOf(await post(image, raw));
    expect(await api.metric('quintet_queue_depth', { queue: 'classify-resnet50', state: 'waiting' })).toBeGreaterThan(
      0,
    );
    await api.request(job.links.self, { method: 'DELETE' });
    const text = await (await api.request('/metrics')).text();
    const routes = new Set([...text.matchAll(/route="([^"]*)"/g)].map(([, route]) => route));
    expect(routes).toContain('/v1/jobs/:id');
    expect([...routes].every((route) => route === 'unmatched' || !/[0-9a-f]{8}|etc/.test(route ?? ''))).toBe(true);
    await eventually(() => {
      const logged = api.lines.find((line) => line['job_id'] === job.id && line['method'] === 'POST');
      expect(logged).toMatchObject({ route: '/v1/jobs', status: 202, message: 'request' });
      expect(logged?.['request_id']).toMatch(/^[0-9a-f-]{36}$/);
    });
  });

  it('answers HEAD as GET, OPTIONS with what is allowed, and never trusts a request id', async () => {
    const head = await api.request('/v1/models', { method: 'HEAD', headers: { 'X-Request-Id': 'mine' } });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(head.headers.get('x-request-id')).not.toBe('mine');
    expect(head.headers.get('x-powered-by')).toBeNull();
    const options = await api.request('/v1/jobs', { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, POST, OPTIONS']);
  });

  it('shows its contract as a page that loads nothing from elsewhere, below any prefix', async () => {
    const page = await api.request('/docs', { headers: { Accept: 'text/html,*/*;q=0.8' } });
    expect(page.status).toBe(200);
    expect(page.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('Content-Encoding')).toBe('gzip');
    expect(page.headers.get('Content-Security-Policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; connect-src 'self'; img-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    expect(page.headers.get('X-Frame-Options')).toBe('DENY');
    const text = await page.text();
    expect(text).toContain('<!doctype html>');
    const plain = await api.request('/docs', { headers: { 'Accept-Encoding': 'identity' } });
    expect(plain.headers.get('Content-Encoding')).toBeNull();
    expect(await plain.text()).toBe(text);
    const below = await api.request('/docs/', { redirect: 'manual' });
    expect([below.status, below.headers.get('Location')]).toEqual([308, '../docs']);
    const json = await api.request('/docs', { headers: { Accept: 'application/json' } });
    expect([json.status, ((await json.json()) as { code: string }).code]).toEqual([406, 'not_acceptable']);
  });

  it('is not ready on a Redis that may drop jobs', async () => {
    const evicting = await startRedis(['--maxmemory-policy', 'allkeys-lru']);
    const service = await startApi(evicting.url);
    await eventually(async () => {
      const response = await service.request('/health/ready');
      expect(response.status).toBe(503);
      expect(await response.text()).toContain('allkeys-lru');
    });
    expect((await service.request('/health/live')).status).toBe(200);
    await service.end();
    await evicting.stop();
  });

  it('does not start on a bad configuration', async () => {
    await expect(startApi(server.url, { MAX_UPLOAD_BYTES: '-1' })).rejects.toThrow('ended (1)');
  });
});
