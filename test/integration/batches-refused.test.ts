/** What is no batch, what is too much of one, and how one is canceled: the compiled API, a real Redis, a played worker. */
import { connect } from 'node:net';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { Redis } from '@quintet/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeTar, makeZip } from '../fixtures/archives/index.js';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { problemOf, rawExchange, startReadyApi, startWorker, succeeded } from './api-harness.js';
import { batchOf, documentOf, formOf, keysOf, resultsOf, type Picture } from './batches-harness.js';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let server: RedisServer;
let redis: Redis;
let api: ServiceProcess;
let image: Buffer;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
  api = await startReadyApi(server.url, {
    MAX_BATCH_ITEMS: '20',
    MAX_BATCH_BYTES: '1000000',
    MAX_UPLOAD_BYTES: '200000',
    WEBHOOK_SECRET: secret,
  });
});
afterAll(async () => {
  await api.end();
  redis.disconnect();
  await server.stop();
});
afterEach(async () => {
  await redis.flushall();
});

const many = (count: number, content = image): Picture[] =>
  Array.from({ length: count }, (_, i) => ({ name: `${i}.jpg`, content }));

type Body = string | FormData | Buffer;

async function refusal(body: Body, type?: string, query = ''): Promise<[status: number, code: string]> {
  const response = await api.request(`/v1/batches${query}`, {
    method: 'POST',
    body: Buffer.isBuffer(body) ? new Uint8Array(body) : body,
    headers: type === undefined ? {} : { 'Content-Type': type },
  });
  const { code } = await problemOf(response);
  return [response.status, code];
}

const json = 'application/json';
const zip = 'application/zip';
const tar = 'application/x-tar';
const large = Buffer.alloc(190_000, 'x');

describe('a request that is no batch', () => {
  const cases: [string, () => Promise<Body> | Body, string | undefined, [number, string], string?][] = [
    ['an empty form', () => formOf([], { top_k: '3' }), undefined, [400, 'batch_empty']],
    ['an empty list', () => '{"items": []}', json, [400, 'batch_empty']],
    ['no list', () => '{}', json, [400, 'batch_empty']],
    ['a ZIP of folders', () => makeZip([{ name: 'a/', content: Buffer.alloc(0) }]), zip, [400, 'batch_empty']],
    ['what is no archive', () => Buffer.from('hello'), 'application/octet-stream', [400, 'archive_malformed']],
    ['what is no ZIP', () => Buffer.from('hello'), zip, [400, 'archive_malformed']],
    ['a cut ZIP', () => makeZip(many(3)).subarray(0, 900), zip, [400, 'archive_malformed']],
    [
      'a cut TAR, after good pictures',
      async () => (await makeTar(many(3))).subarray(0, 3000),
      tar,
      [400, 'archive_malformed'],
    ],
    ['what is no JSON', () => '{"items": [', json, [400, 'json_malformed']],
    [
      'a bad item after good ones',
      () => JSON.stringify({ items: [{ image_base64: image.toString('base64') }, 7] }),
      json,
      [400, 'option_invalid'],
    ],
    [
      'an item of two pictures',
      () => '{"items": [{"image_base64": "QQ==", "image_url": "https://a/"}]}',
      json,
      [400, 'option_invalid'],
    ],
    ['an unknown option', () => formOf(many(2), { top: '3' }), undefined, [400, 'option_unknown']],
    ['an unknown option in the query', () => formOf(many(2)), undefined, [400, 'option_unknown'], '?top=3'],
    ['an option of two values', () => formOf(many(2), { top_k: '5' }), undefined, [400, 'option_conflict'], '?top_k=3'],
    ['one in JSON', () => documentOf(many(2), { top_k: 5 }), json, [400, 'option_conflict'], '?top_k=3'],
    ['a bad option after the files', () => formOf(many(2), { top_k: '99' }), undefined, [400, 'option_invalid']],
    ['an unknown event', () => formOf(many(2), { webhook_events: 'job.done' }), undefined, [400, 'option_invalid']],
    [
      'a private webhook',
      () => formOf(many(2), { webhook_url: 'http://127.0.0.1/' }),
      undefined,
      [422, 'webhook_url_refused'],
    ],
    ['an unknown model', () => formOf(many(2), { model: 'nothing' }), undefined, [404, 'model_not_found']],
    ['another type', () => Buffer.from('x'), 'application/x-7z-compressed', [415, 'content_type_unsupported']],
    ['21 files', () => formOf(many(21)), undefined, [413, 'batch_too_many_items']],
    ['21 members of a ZIP', () => makeZip(many(21)), zip, [413, 'batch_too_many_items']],
    ['21 members of a TAR', () => makeTar(many(21)), tar, [413, 'batch_too_many_items']],
    ['21 items of JSON', () => documentOf(many(21)), json, [413, 'batch_too_many_items']],
    ['a large form', () => formOf(many(6, large)), undefined, [413, 'batch_too_large']],
    ['a large ZIP', () => makeZip(many(6, large)), zip, [413, 'batch_too_large']],
    ['a large TAR', async () => gzipSync(await makeTar(many(6, large))), tar, [413, 'batch_too_large']],
    ['a large document', () => documentOf(many(6, large)), json, [413, 'batch_too_large']],
    [
      'a file in another field',
      () => {
        const form = formOf(many(1));
        form.append('photo', new Blob([new Uint8Array(image)]), 'x.jpg');
        return form;
      },
      undefined,
      [400, 'file_field_unexpected'],
    ],
  ];

  it.each(cases)('such as %s is refused with one code, and leaves nothing', async (_, body, type, expected, query) => {
    expect(await refusal(await body(), type, query)).toEqual(expected);
    expect(await keysOf(redis)).toEqual([]);
  });

  it('is refused by its headers alone where they say enough', async () => {
    const head = (length: number, query = ''): string =>
      `POST /v1/batches${query} HTTP/1.1\r\nHost: q\r\nContent-Type: application/zip\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;
    expect(await rawExchange(api.port, [head(2_000_000)])).toMatch(/^HTTP\/1\.1 413 [^]*batch_too_large/);
    expect(await rawExchange(api.port, [head(1000, '?model=nothing')])).toMatch(/^HTTP\/1\.1 404 [^]*model_not_found/);
  });
});

describe('an upload that is cut', () => {
  it.each(['multipart/form-data; boundary=x', tar, zip, json])('leaves nothing behind: %s', async (type) => {
    const files = many(3).map(({ name, content }) =>
      Buffer.concat([
        Buffer.from(`--x\r\nContent-Disposition: form-data; name="images"; filename="${name}"\r\n\r\n`),
        content,
        Buffer.from('\r\n'),
      ]),
    );
    const body = type === tar ? await makeTar(many(3)) : type === zip ? makeZip(many(3)) : Buffer.concat(files);
    const socket = connect({ port: api.port, host: '127.0.0.1' });
    await once(socket, 'connect');
    socket.write(`POST /v1/batches HTTP/1.1\r\nHost: q\r\nContent-Type: ${type}\r\nContent-Length: 100000\r\n\r\n`);
    socket.write(body);
    const streams = type === tar || type.startsWith('multipart');
    if (streams) {
      // Two are in Redis by then, in case this process dies now, for minutes only.
      await eventually(async () => {
        const keys = await keysOf(redis);
        expect(keys.length).toBeGreaterThanOrEqual(2);
        for (const key of keys) expect(await redis.ttl(key)).toBeLessThanOrEqual(600);
      });
    }
    const before = await api.metric('quintet_jobs_refused_total', { code: 'upload_incomplete' });
    socket.destroy();
    await eventually(async () => {
      expect(await api.metric('quintet_jobs_refused_total', { code: 'upload_incomplete' })).toBe(before + 1);
      expect(await keysOf(redis)).toEqual([]);
    });
  });
});

describe('a full queue', () => {
  it('is said at once, and takes all of a batch or none of it', async () => {
    const small = await startReadyApi(server.url, { MAX_QUEUE_DEPTH: '5', DEFAULT_MODEL: 'crowded' });
    const post = (count: number) => small.request('/v1/batches', { method: 'POST', body: formOf(many(count)) });
    expect((await post(3)).status).toBe(202);
    const second = await post(3);
    expect([second.status, (await problemOf(second)).code]).toEqual([503, 'queue_full']);
    expect(second.headers.get('retry-after')).toBe('60');
    expect((await post(2)).status).toBe(202);
    // Now it is full, and says so to the headers alone.
    const head =
      'POST /v1/batches HTTP/1.1\r\nHost: q\r\nContent-Type: application/x-tar\r\nContent-Length: 90000\r\nExpect: 100-continue\r\n\r\n';
    expect(await rawExchange(small.port, [head])).toMatch(/^HTTP\/1\.1 503 [^]*queue_full/);
    // More than ever fit are no matter of time.
    expect((await problemOf(await post(6))).code).toBe('queue_full');
    await redis.flushall();
    await eventually(async () => {
      expect((await problemOf(await post(6))).code).toBe('batch_too_many_items');
    });
    expect(await small.end()).toBe(0);
  });
});

describe('a batch that runs', () => {
  it('shows how far it is, has partial results, and can be canceled', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let begun = 0;
    const worker = await startWorker(server, async () => {
      begun += 1;
      if (begun > 2) await held;
      return succeeded();
    });
    const response = await api.request('/v1/batches', { method: 'POST', body: formOf(many(10), { priority: '3' }) });
    expect(response.status).toBe(202);
    const { links } = await batchOf(response);
    const running = await eventually(async () => {
      const batch = await batchOf(await api.request(links.self));
      expect(batch.counts).toMatchObject({ succeeded: 2, processing: 8, queued: 0 });
      return batch;
    });
    expect(running).toMatchObject({ status: 'processing', progress: 0.2 });
    expect(running.eta_seconds).toBeGreaterThan(0);
    const partial = await resultsOf(api.url, running);
    expect(partial.map(({ job }) => job?.status).sort()).toEqual([
      ...Array.from({ length: 8 }, () => 'processing'),
      'succeeded',
      'succeeded',
    ]);

    const waiting = api.request(links.self, { headers: { Prefer: 'wait=20' } });
    const canceled = await api.request(links.self, { method: 'DELETE' });
    expect(canceled.status).toBe(200);
    const after = await batchOf(canceled);
    expect(after).toMatchObject({
      status: 'canceled',
      counts: { succeeded: 2, canceled: 8, queued: 0, processing: 0 },
    });
    expect(await batchOf(await waiting)).toEqual(after);
    release();
    await worker.close();
    const again = await api.request(links.self, { method: 'DELETE' });
    expect([again.status, (await problemOf(again)).code]).toEqual([409, 'batch_finished']);
    expect(await batchOf(await api.request(links.self))).toEqual(after);
  });

  it('is found by its id only', async () => {
    const missing = await api.request('/v1/batches/01234567-89ab-cdef-0123-456789abcdef/results');
    expect([missing.status, (await problemOf(missing)).code]).toEqual([404, 'batch_not_found']);
    const malformed = await api.request('/v1/batches/17');
    expect([malformed.status, (await problemOf(malformed)).code]).toEqual([400, 'batch_id_invalid']);
  });
});
