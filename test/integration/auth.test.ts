/** API keys: who gets in, who sees what, how keys are replaced, and that nothing secret is ever written down. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createApiKey, JobStore, Redis, type ApiScope } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, startService, type ServiceProcess } from '../support/service-process.js';
import { stackWebhookSecret } from '../support/stack.js';
import { jobOf, problemOf, rawExchange, startReadyApi, startWorker } from './api-harness.js';

const made = {
  shop: createApiKey('shop', ['submit', 'read']),
  // The key that will replace it: another entry, the same client.
  shopNext: createApiKey('shop', ['submit', 'read']),
  press: createApiKey('press', ['submit', 'read']),
  reader: createApiKey('shop', ['read']),
  writer: createApiKey('writer', ['submit']),
  boss: createApiKey('boss', ['admin']),
};
const bearer = ({ key }: { key: string }): Record<string, string> => ({ Authorization: `Bearer ${key}` });

let server: RedisServer;
let api: ServiceProcess;
let image: Buffer;

beforeAll(async () => {
  server = await startRedis();
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
  api = await startReadyApi(server.url, {
    API_KEYS: JSON.stringify(Object.values(made).map(({ entry }) => entry)),
    DEFAULT_MODEL: 'nobody',
    WEBHOOK_SECRET: stackWebhookSecret,
    ALLOW_PRIVATE_HOSTS: 'true',
    LOG_LEVEL: 'trace',
  });
});

afterAll(async () => {
  expect(await api.end()).toBe(0);
  await server.stop();
});

const submit = (headers: Record<string, string>, query = '', to = api): Promise<Response> =>
  to.request(`/v1/jobs${query}`, {
    method: 'POST',
    body: new Uint8Array(image),
    headers: { 'Content-Type': 'image/jpeg', ...headers },
  });

const codeOf = async (response: Promise<Response>): Promise<unknown[]> => {
  const answered = await response;
  return [answered.status, (await problemOf(answered)).code];
};

describe('keys', () => {
  it('are asked for everywhere but where a service says that it lives, and what it is', async () => {
    for (const path of ['/', '/health/live', '/health/ready']) {
      expect([path, (await api.request(path)).status]).toEqual([path, 200]);
    }
    expect((await api.request('/v1/jobs', { method: 'OPTIONS' })).status).toBe(204);
    const closed = [
      ...[
        '/v1/models',
        '/v1/models/',
        '/metrics',
        '/metrics/',
        '/v1/operations',
        '/v1/deliveries',
        '/v1/batches/1',
        '/what/ever',
      ],
      '/v1/jobs/01234567-89ab-cdef-0123-456789abcdef',
    ];
    for (const path of closed) {
      const response = await api.request(path);
      expect([path, response.status]).toEqual([path, 401]);
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="quintet"');
      expect((await problemOf(response)).code).toBe('api_key_missing');
    }
    expect(await codeOf(submit({}))).toEqual([401, 'api_key_missing']);
  });

  it('come as a bearer token or in X-API-Key, and wrong ones are told so', async () => {
    const { key } = made.shop;
    for (const headers of [
      { Authorization: `Bearer ${key}` },
      { Authorization: `bearer  ${key}` },
      { 'X-API-Key': key },
    ]) {
      expect((await api.request('/v1/models', { headers })).status).toBe(200);
    }
    const wrong = [
      { Authorization: `Bearer ${createApiKey('shop', ['read']).key}` },
      { Authorization: `Bearer ${key}x` },
      { Authorization: `Bearer ${made.shop.entry.hash}` },
      { 'X-API-Key': 'qk_' },
      // The bearer token counts where there are both.
      { Authorization: 'Bearer wrong', 'X-API-Key': key },
    ];
    for (const headers of wrong) {
      const response = await api.request('/v1/models', { headers });
      expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
      expect([response.status, (await problemOf(response)).code]).toEqual([401, 'api_key_invalid']);
    }
    expect(await codeOf(api.request('/v1/models', { headers: { Authorization: `Basic ${key}` } }))).toEqual([
      401,
      'api_key_missing',
    ]);
    expect((await api.request(`/v1/models?api_key=${key}`)).status).toBe(401);
  });

  it('do what their scopes say, and no more', async () => {
    const job = await jobOf(await submit(bearer(made.shop)));
    const self = `/v1/jobs/${job.id}`;
    const answers: [ApiScope | 'none', Promise<Response>, number][] = [
      ['none', submit(bearer(made.reader)), 403],
      ['none', api.request(self, { method: 'DELETE', headers: bearer(made.reader) }), 403],
      ['read', api.request(self, { headers: bearer(made.reader) }), 200],
      ['none', api.request('/v1/models', { headers: bearer(made.writer) }), 403],
      ['submit', submit(bearer(made.writer)), 202],
      ['none', api.request('/metrics', { headers: bearer(made.shop) }), 403],
      ['none', api.request('/v1/operations', { headers: bearer(made.shop) }), 403],
      ['none', api.request('/metrics/', { headers: bearer(made.shop) }), 403],
      ['admin', api.request('/metrics', { headers: bearer(made.boss) }), 200],
      ['admin', submit(bearer(made.boss)), 202],
      ['admin', api.request('/v1/models', { headers: bearer(made.boss) }), 200],
    ];
    for (const [scope, answer, status] of answers) expect([scope, (await answer).status]).toEqual([scope, status]);
    const refused = await api.request('/v1/models', { headers: bearer(made.writer) });
    expect(refused.headers.get('www-authenticate')).toContain('error="insufficient_scope", scope="read"');
    expect(await problemOf(refused)).toMatchObject({
      code: 'scope_missing',
      detail: 'This needs a key with the scope read.',
    });
  });

  it('see what is theirs: to all others it does not exist', async () => {
    const job = await jobOf(await submit(bearer(made.shop)));
    const self = `/v1/jobs/${job.id}`;
    const store = new Redis(server.url);
    expect((await new JobStore(store).read(job.id))?.record.owner).toBe('shop');
    store.disconnect();
    for (const owner of [made.shop, made.shopNext, made.reader, made.boss]) {
      expect((await jobOf(await api.request(self, { headers: bearer(owner) }))).id).toBe(job.id);
    }
    const nobody = '/v1/jobs/01234567-89ab-cdef-0123-456789abcdef';
    const [other, absent] = await Promise.all(
      [self, nobody].map(async (path) => problemOf(await api.request(path, { headers: bearer(made.press) }))),
    );
    // Nothing tells the two apart but what was asked for.
    const strip = (text = ''): string => text.replaceAll(/[0-9a-f-]{36}/g, 'id');
    expect(strip(JSON.stringify(other))).toBe(strip(JSON.stringify(absent)));
    expect(other?.code).toBe('job_not_found');
    const cancel = (who: { key: string }) => api.request(self, { method: 'DELETE', headers: bearer(who) });
    expect((await cancel(made.press)).status).toBe(404);
    expect((await jobOf(await cancel(made.shopNext))).status).toBe('canceled');
  });

  it('are looked at before any of an upload is read', async () => {
    const head = [
      'POST /v1/jobs HTTP/1.1',
      'Host: quintet',
      'Content-Type: image/jpeg',
      'Content-Length: 20000000',
      'Expect: 100-continue',
    ];
    const answer = await rawExchange(api.port, [`${head.join('\r\n')}\r\n\r\n`]);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).not.toContain('100 Continue');
  });
});

describe('the file of keys', () => {
  it('is made by the command, read again when it changes, and kept when a new version is bad', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quintet-keys-'));
    const file = join(folder, 'keys.json');
    const create = async (name: string, ...options: string[]): Promise<string> => {
      const script = fileURLToPath(new URL('../../scripts/keys.mjs', import.meta.url));
      const { stdout } = await promisify(execFile)(process.execPath, [
        script,
        'create',
        name,
        '--file',
        file,
        ...options,
      ]);
      return /qk_[\w-]{43}/.exec(stdout)?.[0] ?? '';
    };
    const first = await create('shop', '--scopes', 'submit,read', '--concurrency', '7');
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject([{ name: 'shop', concurrency: 7 }]);
    const service = await startReadyApi(server.url, { API_KEYS_FILE: file });
    const models = (key: string) => service.request('/v1/models', { headers: { 'X-API-Key': key } });
    expect((await models(first)).status).toBe(200);

    const second = await create('shop');
    await service.logged('API_KEYS_FILE has changed');
    expect([(await models(first)).status, (await models(second)).status]).toEqual([200, 200]);

    const good = JSON.parse(await readFile(file, 'utf8')) as unknown[];
    await writeFile(file, '[]');
    const refusal = await service.logged('API_KEYS_FILE cannot be used; the keys from before go on counting');
    expect(refusal['reason']).toBe('it has no entry');
    expect([(await models(first)).status, (await service.request('/v1/models')).status]).toEqual([200, 401]);

    await writeFile(file, JSON.stringify(good.slice(1)));
    await eventually(async () => {
      expect([(await models(first)).status, (await models(second)).status]).toEqual([401, 200]);
    });
    expect(await service.end()).toBe(0);
    await writeFile(file, 'nonsense');
    await expect(startReadyApi(server.url, { API_KEYS_FILE: file })).rejects.toThrow('it is not JSON');
    await rm(folder, { recursive: true });
  });
});

describe('what is written down', () => {
  it('has no key, no secret and no query of an address in it, whatever happens', async () => {
    const seen: string[] = [];
    const receiver = createServer((request, response) => {
      seen.push(request.url ?? '');
      response.statusCode = seen.length === 1 ? 500 : 200;
      response.end();
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook?token=tok3n-of-a-hook`;
    const webhooks = await startService('webhooks', {
      REDIS_URL: server.url,
      WEBHOOK_SECRET: stackWebhookSecret,
      ALLOW_PRIVATE_HOSTS: 'true',
      WEBHOOK_SCHEDULE_SECONDS: '0,0,0',
      LOG_LEVEL: 'trace',
    });
    const worker = await startWorker(server, undefined, 'nobody');
    const wrong = createApiKey('shop', ['read']).key;
    await submit({ 'X-API-Key': wrong });
    await submit({ Authorization: `Basic ${made.shop.key}` });
    await submit({ Authorization: made.shop.key, Cookie: 'session=s3ssion-cookie' });
    await submit(bearer(made.shop), `?topk=${wrong}`);
    const accepted = await submit(bearer(made.shop), `?webhook_url=${encodeURIComponent(hook)}`);
    expect(accepted.status).toBe(202);
    const byUrl = JSON.stringify({ image_url: 'https://images.example/a.jpg?sig=s1gned-query' });
    const headers = { 'Content-Type': 'application/json', ...bearer(made.shop) };
    await api.request('/v1/jobs', { method: 'POST', headers, body: byUrl });
    await api.request(`/v1/models?key=${made.boss.key}`, { headers: bearer(made.boss) });
    await eventually(() => {
      expect(seen).toHaveLength(2);
    });
    await worker.close();
    expect(await webhooks.end()).toBe(0);
    receiver.close();
    const text = JSON.stringify([...api.lines, ...webhooks.lines]);
    expect(text.length).toBeGreaterThan(2000);
    const secrets = [
      ...Object.values(made).flatMap(({ key, entry }) => [key, entry.hash.slice(7)]),
      ...[wrong, stackWebhookSecret, stackWebhookSecret.slice(6)],
      ...['tok3n-of-a-hook', 's1gned-query', 's3ssion-cookie', 'Bearer '],
    ];
    for (const secret of secrets) expect(text.includes(secret), secret).toBe(false);
  });
});

describe('a service without keys', () => {
  it('is open, and says so once at its start', async () => {
    const service = await startReadyApi(server.url);
    expect((await submit({ Authorization: 'Bearer whatever' }, '', service)).status).toBe(202);
    expect((await service.request('/metrics')).status).toBe(200);
    const said = service.lines.filter((line) => String(line['message']).startsWith('no API keys are configured'));
    expect(said).toHaveLength(1);
    await service.end();
  });

  it('does not start with keys that cannot be used', async () => {
    const bad = ['[]', 'nonsense', JSON.stringify([{ name: 'shop', hash: made.shop.key }])];
    const starts = await Promise.allSettled(bad.map((API_KEYS) => startReadyApi(server.url, { API_KEYS })));
    expect(starts.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });
});
