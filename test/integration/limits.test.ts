/** What one client may take: rate, open jobs, memory, and a full queue, each said before the picture is read. */
import { randomUUID } from 'node:crypto';
import { createApiKey, keyPrefix, keys, OpenJobs, Redis } from '@quintet/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { formWith, jobOf, problemOf, rawExchange, startReadyApi, startWorker } from './api-harness.js';

let server: RedisServer;
let redis: Redis;
let image: Buffer;
let services: ServiceProcess[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
});

afterEach(async () => {
  expect(await Promise.all(services.map((service) => service.end()))).toEqual(services.map(() => 0));
  services = [];
  await redis.config('SET', 'maxmemory', '0');
  await redis.flushall();
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

async function start(environment: Record<string, string>): Promise<ServiceProcess> {
  const service = await startReadyApi(server.url, environment);
  services.push(service);
  return service;
}

const submit = (
  service: ServiceProcess,
  headers: Record<string, string> = {},
  body: RequestInit['body'] & {} = new Uint8Array(image),
): Promise<Response> =>
  service.request('/v1/jobs', { method: 'POST', body, headers: { 'Content-Type': 'image/jpeg', ...headers } });

/** What a client gets that has only sent the head of a large upload, and waits to be told to go on. */
async function answerToHead(service: ServiceProcess, ...lines: string[]): Promise<string> {
  const head = [
    'POST /v1/jobs HTTP/1.1',
    'Host: quintet',
    'Content-Length: 20000000',
    'Expect: 100-continue',
    ...lines,
  ];
  return rawExchange(service.port, [`${head.join('\r\n')}\r\n\r\n`], {
    enough: (text) => text.includes('100 Continue'),
  });
}

const code = async (response: Response): Promise<string> => (await problemOf(response)).code;

describe('the rate', () => {
  it('is one for all processes, counts what is accepted only, and is told in headers', async () => {
    const environment = { RATE_LIMIT_PER_MINUTE: '3' };
    const [a, b] = await Promise.all([start(environment), start(environment)]);
    const answers = [await submit(a), await submit(b), await submit(a)];
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(answers.map(({ headers }) => headers.get('ratelimit'))).toEqual(
      [2, 1, 0].map((left) => expect.stringMatching(new RegExp(`^"default";r=${left};t=(5\\d|60)$`)) as string),
    );
    expect(answers[0]?.headers.get('ratelimit-policy')).toBe('"default";q=3;w=60');

    const refused = await submit(b);
    expect([refused.status, refused.headers.get('ratelimit-policy')]).toEqual([429, '"default";q=3;w=60']);
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(45);
    expect(refused.headers.get('ratelimit')).toBe(`"default";r=0;t=${seconds}`);
    expect(await problemOf(refused)).toMatchObject({ code: 'rate_limited', retryable: true });
    const early = await answerToHead(a, 'Content-Type: image/jpeg');
    expect(early).toMatch(/^HTTP\/1\.1 429 /);
    expect(early).not.toContain('100 Continue');
    expect(await redis.get(`${keys.rate}:default:ip:127.0.0.1`)).toBe('3');
    expect(await a.metric('quintet_jobs_refused_total', { code: 'rate_limited' })).toBe(1);

    // Asking is another account, with room for polling.
    const { links } = await jobOf(answers[0] as Response);
    const asked = await a.request(links.self);
    expect([asked.status, asked.headers.get('ratelimit-policy')]).toEqual([200, '"read";q=30;w=60']);
    await Promise.all(Array.from({ length: 29 }, () => b.request(links.self)));
    expect(await code(await a.request(links.self))).toBe('rate_limited');
    expect((await a.request('/health/live')).status).toBe(200);
  });

  it('is each client’s own: by key, with the limit of the key, or by address as far as proxies are trusted', async () => {
    const made = { slow: createApiKey('slow', ['submit']), free: createApiKey('free', ['submit']) };
    const entries = [
      { ...made.slow.entry, rate_per_minute: 1 },
      { ...made.free.entry, rate_per_minute: 0 },
    ];
    const keyed = await start({ API_KEYS: JSON.stringify(entries), RATE_LIMIT_PER_MINUTE: '2' });
    const by = ({ key }: { key: string }) => submit(keyed, { 'X-API-Key': key });
    expect([(await by(made.slow)).status, (await by(made.slow)).status]).toEqual([202, 429]);
    const free = await Promise.all(Array.from({ length: 5 }, () => by(made.free)));
    expect(free.map(({ status, headers }) => [status, headers.get('ratelimit')])).toEqual(free.map(() => [202, null]));

    const trusting = await start({ RATE_LIMIT_PER_MINUTE: '1', TRUST_PROXY: '1' });
    const from = (service: ServiceProcess, ips: string) => submit(service, { 'X-Forwarded-For': ips });
    const seen = ['203.0.113.1', '203.0.113.2', '198.51.100.9, 203.0.113.1', '2001:db8:1:2::1', '2001:db8:1:2::2'];
    const statuses = [];
    for (const ips of seen) statuses.push((await from(trusting, ips)).status);
    expect(statuses).toEqual([202, 202, 429, 202, 429]);
    const direct = await start({ RATE_LIMIT_PER_MINUTE: '1' });
    expect([(await from(direct, '203.0.113.3')).status, (await from(direct, '203.0.113.4')).status]).toEqual([
      202, 429,
    ]);
  });
});

describe('open jobs', () => {
  it('are counted exactly, through every way a job can end or not begin', async () => {
    const limits = { MAX_CONCURRENT_JOBS_PER_CLIENT: '2', DEFAULT_MODEL: 'nobody' };
    const [a, b] = await Promise.all([start(limits), start(limits)]);
    const all = await Promise.all(Array.from({ length: 20 }, (_, index) => submit(index % 2 === 0 ? a : b)));
    const accepted = all.filter(({ status }) => status === 202);
    expect(accepted).toHaveLength(2);
    const [refused] = all.filter(({ status }) => status === 429);
    expect([refused?.headers.get('retry-after'), refused && (await code(refused))]).toEqual([
      '1',
      'concurrency_limited',
    ]);
    const early = await answerToHead(a, 'Content-Type: image/jpeg');
    expect(early).toMatch(/^HTTP\/1\.1 429 /);
    expect(early).not.toContain('100 Continue');

    // Canceled: there is room for one.
    const [first] = await Promise.all(accepted.map(jobOf));
    await a.request(first?.links.self ?? '', { method: 'DELETE' });
    expect((await submit(b, {}, 'not a picture')).status).toBe(415);
    expect((await submit(b)).status).toBe(202);
    expect((await submit(a)).status).toBe(429);

    // Done: there is room again.
    const worker = await startWorker(server, undefined, 'nobody');
    await eventually(async () => {
      const done = await submit(a, { Prefer: 'wait=10' });
      expect([done.status, (await jobOf(done)).status]).toEqual([200, 'succeeded']);
    });
    await eventually(async () => {
      expect(await new OpenJobs(redis).count('ip:127.0.0.1')).toBe(0);
    });
    await worker.close();
  });

  it('are given back by an upload that breaks off, and by a service that dies after two minutes', async () => {
    const service = await start({ MAX_CONCURRENT_JOBS_PER_CLIENT: '1', DEFAULT_MODEL: 'nobody' });
    const open = new OpenJobs(redis);
    const head = 'POST /v1/jobs HTTP/1.1\r\nHost: q\r\nContent-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\n';
    const upload = rawExchange(service.port, [head]);
    await eventually(async () => {
      expect(await open.count('ip:127.0.0.1')).toBe(1);
    });
    expect((await submit(service)).status).toBe(429);
    expect(await service.end('SIGKILL')).toBe('SIGKILL');
    services = [];
    await upload;
    expect(await open.count('ip:127.0.0.1')).toBe(1);
    const set = keys.open('ip:127.0.0.1');
    expect(await redis.pttl(set)).toBeLessThanOrEqual(120_000);
    const [id = ''] = await redis.zrange(set, '0', '-1');
    await redis.zadd(set, 'XX', Date.now() - 1, id);
    const next = await start({ MAX_CONCURRENT_JOBS_PER_CLIENT: '1', DEFAULT_MODEL: 'nobody' });
    const cut = rawExchange(next.port, [head, 'xx'], { halfClose: true });
    expect(await cut).toMatch(/^HTTP\/1\.1 400 [^]*upload_incomplete/);
    await eventually(async () => {
      expect((await submit(next)).status).toBe(202);
    });
  });

  it('are not counted for clients that may have any number, and leave nothing behind', async () => {
    const open = new OpenJobs(redis);
    expect(await open.hold('c', [randomUUID(), randomUUID()], 1)).toBeUndefined();
    const lease = await open.hold('c', [randomUUID(), randomUUID()], 2);
    // A job that has no record, because its submission failed, is not kept.
    await lease?.keep(600);
    expect(await redis.keys(`${keyPrefix}:job:*`)).toEqual([]);
    await lease?.release();
    expect(await redis.exists(keys.open('c'))).toBe(0);
    const service = await start({ DEFAULT_MODEL: 'nobody' });
    const { id } = await jobOf(await submit(service));
    expect(await redis.hkeys(keys.job(id))).toEqual(['record']);
    expect(await redis.keys(`${keyPrefix}:open:*`)).toEqual([]);
  });
});

describe('a full queue', () => {
  it('is said before the upload, for whatever form it has, as far as the model is known', async () => {
    const service = await start({ MAX_QUEUE_DEPTH: '1', DEFAULT_MODEL: 'nobody' });
    expect((await submit(service)).status).toBe(202);
    const forms = ['image/jpeg', 'multipart/form-data; boundary=x', 'application/json'];
    for (const type of forms) {
      const answer = await answerToHead(service, `Content-Type: ${type}`);
      expect(answer).toMatch(/^HTTP\/1\.1 503 [^]*\r\nRetry-After: 60\r\n[^]*"code":"queue_full"/);
      expect(answer).not.toContain('100 Continue');
    }
    // A form may be for another model, whose queue has room; what is inside decides.
    const worker = await startWorker(server, undefined, 'other');
    await eventually(async () => {
      expect(await answerToHead(service, 'Content-Type: multipart/form-data; boundary=x')).toContain('100 Continue');
    });
    expect(await answerToHead(service, 'Content-Type: image/jpeg')).toMatch(/^HTTP\/1\.1 503 /);
    const post = (form: FormData) => service.request('/v1/jobs', { method: 'POST', body: form });
    expect((await post(formWith(image, { model: 'other' }))).status).toBe(202);
    expect(await code(await post(formWith(image)))).toBe('queue_full');
    await worker.close();
  });
});

describe('memory', () => {
  const used = async (): Promise<number> => Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);

  it('that is nearly full is said before the upload, and over when there is room', async () => {
    const service = await start({ DEFAULT_MODEL: 'nobody' });
    await redis.config('SET', 'maxmemory', String(Math.round((await used()) / 0.9)));
    await eventually(async () => {
      const answer = await answerToHead(service, 'Content-Type: image/jpeg');
      expect(answer).toMatch(/^HTTP\/1\.1 503 [^]*\r\nRetry-After: 5\r\n[^]*"code":"storage_full"/);
      expect(answer).not.toContain('100 Continue');
    });
    expect(await code(await submit(service))).toBe('storage_full');
    await redis.config('SET', 'maxmemory', '0');
    await eventually(async () => {
      expect((await submit(service)).status).toBe(202);
    });
  });

  it('that Redis runs out of is a 503 too, and leaves nothing half there', async () => {
    const service = await start({ DEFAULT_MODEL: 'nobody', REDIS_MEMORY_LIMIT: '1' });
    expect((await submit(service)).status).toBe(202);
    const before = await redis.keys('*');
    // The last look at the memory is younger than half a second, and the picture is more than there is room for.
    await redis.config('SET', 'maxmemory', String((await used()) + 50_000));
    const large = await makeImage({ format: 'bmp', width: 800, height: 600 });
    const answers = await Promise.all([1, 2, 3].map(() => submit(service, {}, new Uint8Array(large))));
    for (const answer of answers) expect([answer.status, await code(answer)]).toEqual([503, 'storage_full']);
    await redis.config('SET', 'maxmemory', '0');
    expect((await redis.keys('*')).sort()).toEqual(before.sort());
    expect(await redis.llen(`${keyPrefix}:classify-nobody:wait`)).toBe(1);
    await eventually(async () => {
      expect((await submit(service)).status).toBe(202);
    });
    // The command that failed had the picture in it.
    for (const line of service.lines) expect(JSON.stringify(line).length).toBeLessThan(4000);
  });
});
