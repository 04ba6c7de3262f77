/**
 * Pictures whose bytes no header tells of, in a Redis that has no room for them: they are refused as they are written, nothing of
 * them stays, and what was accepted before is still there. Redis itself would have the room: only the service's own limit refuses.
 */
import { gzipSync } from 'node:zlib';
import { Redis } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTar } from '../fixtures/archives/index.js';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { head } from './api-bad-input-harness.js';
import { formWith, jobOf, rawExchange, startReadyApi, startWorker } from './api-harness.js';
import { documentOf, formOf, keysOf } from './batches-harness.js';

const json = 'application/json';
const tensors = { input: { name: 'data', shape: [-1, 3, 224, 224] }, output: { name: 'logits', shape: [-1, 1000] } };
const room = 1_000_000;

let server: RedisServer;
let redis: Redis;
let api: ServiceProcess;
let small: Buffer;
/** 720 kB: one has room, two have not. */
let large: Buffer;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  small = await makeImage({ format: 'png', width: 2, height: 2 });
  large = await makeImage({ format: 'bmp', width: 600, height: 400 });
  api = await startReadyApi(server.url, { DEFAULT_MODEL: 'nobody', REDIS_MEMORY_LIMIT: '0.3' });
});
afterAll(async () => {
  await redis.config('SET', 'maxmemory', '0');
  expect(await api.end()).toBe(0);
  redis.disconnect();
  await server.stop();
});

/** Leaves room for `room` bytes to the service, and for three times as much to Redis, and waits until the API knows. */
async function limit(): Promise<void> {
  await eventually(async () => {
    const used = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
    await redis.config('SET', 'maxmemory', String(Math.round((used + room) / 0.3)));
    expect(await answerTo(room + 100_000)).toContain('"storage_full"');
    expect(await answerTo(room - 100_000)).toContain('100 Continue');
  });
}

/** The answer to the head of an upload of this length. */
function answerTo(length: number): Promise<string> {
  const lines = ['Content-Type: image/bmp', `Content-Length: ${length}`, 'Expect: 100-continue', 'Connection: close'];
  return rawExchange(api.port, [head(...lines)], { enough: (text) => text.includes('\r\n\r\n') });
}

/** Sends the body without its length. */
function send(path: string, type: string, body: Buffer | string, headers = {}): Promise<Response> {
  const chunks = new Blob([typeof body === 'string' ? body : new Uint8Array(body)]).stream();
  const init = { method: 'POST', body: chunks, duplex: 'half', headers: { 'Content-Type': type, ...headers } };
  return api.request(path, init as RequestInit);
}

async function sendForm(path: string, form: FormData): Promise<Response> {
  const encoded = new Response(form);
  return send(path, encoded.headers.get('content-type') ?? '', Buffer.from(await encoded.arrayBuffer()));
}

async function expectFull(response: Response): Promise<void> {
  const { code } = (await response.json()) as { code: string };
  expect([response.status, code, response.headers.get('retry-after')]).toEqual([503, 'storage_full', '5']);
}

const pictures = (count: number, content: Buffer) =>
  Array.from({ length: count }, (_, at) => ({ name: `${at}.bmp`, content }));

describe('a batch that says nothing of its length', () => {
  const batches: [string, () => Promise<Response>][] = [
    ['a form', () => sendForm('/v1/batches', formOf(pictures(3, large)))],
    [
      'a packed archive',
      async () => send('/v1/batches', 'application/gzip', gzipSync(await makeTar(pictures(3, large)))),
    ],
    ['a document', () => send('/v1/batches', json, documentOf(pictures(3, large)))],
    ['many small pictures', () => send('/v1/batches', json, documentOf(pictures(500, small)))],
    [
      'many addresses',
      () =>
        send(
          '/v1/batches',
          json,
          JSON.stringify({ image_urls: Array.from({ length: 500 }, (_, at) => `https://example.com/${at}`) }),
        ),
    ],
  ];

  it.each(batches)('is refused where its pictures have no room: %s', async (_name, submit) => {
    await limit();
    const before = await jobOf(await send('/v1/jobs', 'image/png', small));
    const kept = await keysOf(redis);
    await expectFull(await submit());
    expect((await keysOf(redis)).sort()).toEqual(kept.sort());
    expect((await jobOf(await api.request(before.links.self))).status).toBe('queued');
    await eventually(async () => {
      expect((await send('/v1/batches', json, documentOf(pictures(2, small)))).status).toBe(202);
    });
  });

  it('is answered with what it made before, where it repeats its key', async () => {
    const batch = (): Promise<Response> =>
      send('/v1/batches', json, documentOf(pictures(3, large)), { 'Idempotency-Key': '"a key"' });
    await redis.config('SET', 'maxmemory', '0');
    const first = await eventually(async () => {
      const response = await batch();
      expect(response.status).toBe(202);
      return response;
    });
    const kept = await keysOf(redis);
    await limit();
    await send('/v1/jobs', 'image/bmp', large);
    const again = await batch();
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([202, 'true']);
    expect(((await again.json()) as { id: string }).id).toBe(((await first.json()) as { id: string }).id);
    expect(await keysOf(redis)).toHaveLength(kept.length + 2);
  });
});

describe('a picture that says nothing of its length', () => {
  it('is refused where it has no room, in whichever form', async () => {
    await limit();
    expect((await send('/v1/jobs', 'image/bmp', large)).status).toBe(202);
    const kept = await keysOf(redis);
    await expectFull(await send('/v1/jobs', 'image/bmp', large));
    await expectFull(await sendForm('/v1/jobs', formWith(large)));
    await expectFull(await send('/v1/jobs', json, JSON.stringify({ image_base64: large.toString('base64') })));
    expect((await keysOf(redis)).sort()).toEqual(kept.sort());
  });

  it('is refused where it is a row of a packed tensor; those before it are canceled', async () => {
    const worker = await startWorker(server, () => new Promise(() => undefined), 'resnet50', 50, { tensors });
    await eventually(async () => {
      expect((await api.request('/v2/models/resnet50/ready')).status).toBe(200);
    });
    await limit();
    const binary = Buffer.alloc(4 * 3 * 224 * 224 * 4);
    const inputs = [
      { name: 'data', datatype: 'FP32', shape: [4, 3, 224, 224], parameters: { binary_data_size: binary.length } },
    ];
    const header = JSON.stringify({ inputs });
    const body = gzipSync(Buffer.concat([Buffer.from(header), binary]));
    expect(body.length).toBeLessThan(room / 100);
    const before = await keysOf(redis);
    const headers = { 'Content-Encoding': 'gzip', 'Inference-Header-Content-Length': String(header.length) };
    await expectFull(await send('/v2/models/resnet50/infer', 'application/octet-stream', body, headers));
    const left = (await keysOf(redis)).filter((key) => !before.includes(key));
    expect(left.filter((key) => key.includes(':image:'))).toEqual([]);
    await worker.close();
  });
});
