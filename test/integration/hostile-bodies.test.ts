/**
 * Small bodies that would cost much: the API has a heap in which none of them fits if it is kept as it comes, so it answers or dies.
 * Each is answered with a problem of its own, and a good picture is accepted afterwards.
 */
import { gzipSync } from 'node:zlib';
import { plainErrorSchema } from '../../services/api/dist/openapi/shapes.js';
import { problemSchema, type ErrorCode } from '@quintet/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeTar } from '../fixtures/archives/index.js';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import type { ServiceProcess } from '../support/service-process.js';
import { rawExchange, startReadyApi, startWorker } from './api-harness.js';

const tensors = { input: { name: 'data', shape: [-1, 3, 224, 224] }, output: { name: 'logits', shape: [-1, 1000] } };
const json = 'application/json';
const form = 'multipart/form-data; boundary=x';
const infer = '/v2/models/resnet50/infer';

let server: RedisServer;
let api: ServiceProcess;
let worker: Awaited<ReturnType<typeof startWorker>>;
let image: Buffer;

beforeAll(async () => {
  server = await startRedis();
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
  api = await startReadyApi(server.url, { NODE_OPTIONS: '--max-old-space-size=80', MAX_BATCH_ITEMS: '10' });
  worker = await startWorker(server, undefined, 'resnet50', 50, { tensors });
});
afterEach(async () => {
  const headers = { 'Content-Type': 'image/jpeg' };
  expect((await api.request('/v1/jobs', { method: 'POST', body: new Uint8Array(image), headers })).status).toBe(202);
});
afterAll(async () => {
  await worker.close();
  expect(await api.end()).toBe(0);
  await server.stop();
});

/** The code that a body is answered with, whichever form errors have there. */
async function codeOf(path: string, type: string, body: string | Buffer, headers = {}): Promise<[number, ErrorCode]> {
  const bytes = new Uint8Array(Buffer.from(body));
  const response = await api.request(path, {
    method: 'POST',
    body: bytes,
    headers: { 'Content-Type': type, ...headers },
  });
  const answer: unknown = await response.json();
  return [response.status, (path.startsWith('/v1') ? problemSchema : plainErrorSchema).parse(answer).code];
}

describe('a body in chunks of one byte', () => {
  const size = 400_000;
  const text = 'A'.repeat(size);
  const part = (field: string) =>
    `--x\r\nContent-Disposition: form-data; name="${field}"; filename="a"\r\n\r\n${text}\r\n--x--\r\n`;
  const base64 = JSON.stringify({ image_base64: text });
  const bodies: [path: string, type: string, body: () => string | Promise<Buffer>, status: number][] = [
    ['/v1/jobs', 'image/jpeg', () => text, 415],
    ['/v1/jobs', json, () => base64, 415],
    ['/v1/jobs', form, () => part('image'), 415],
    ['/v1/batches', form, () => part('images'), 20],
    ['/v1/batches', 'application/x-tar', () => makeTar([{ name: 'a', content: Buffer.from(text) }]), 20],
    [
      infer,
      json,
      () => JSON.stringify({ inputs: [{ name: 'image', datatype: 'BYTES', shape: [1], data: [text] }] }),
      415,
    ],
  ];

  it.each(bodies)('costs what it has: %s, %s', async (path, type, body, status) => {
    const bytes = Buffer.from(await body());
    const chunks = Buffer.alloc(6 * bytes.length, '1\r\n_\r\n');
    for (const [at, byte] of bytes.entries()) chunks[6 * at + 3] = byte;
    const head = `POST ${path} HTTP/1.1\r\nHost: q\r\nConnection: close\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const answer = await rawExchange(api.port, [head, chunks, '0\r\n\r\n']);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status}`));
  });
});

describe('more than is asked for', () => {
  const pictures = { name: 'image', datatype: 'BYTES', shape: [1] };

  it('is counted while it is read: five million empty pictures in 20 kB', async () => {
    const binary = Buffer.alloc(20_800_000);
    const head = JSON.stringify({ inputs: [{ ...pictures, parameters: { binary_data_size: binary.length } }] });
    const body = gzipSync(Buffer.concat([Buffer.from(head), binary]));
    expect(body.length).toBeLessThan(25_000);
    const headers = { 'Content-Encoding': 'gzip', 'Inference-Header-Content-Length': String(head.length) };
    expect(await codeOf(infer, 'application/octet-stream', body, headers)).toEqual([400, 'infer_request_invalid']);
  });

  it('is counted before it is decoded or described', async () => {
    const strings = Array.from({ length: 15_000 }, () => '');
    expect(await codeOf(infer, json, JSON.stringify({ inputs: [{ ...pictures, data: strings }] }))).toEqual([
      400,
      'infer_request_invalid',
    ]);
    const inputs = Array.from({ length: 15_000 }, () => ({}));
    expect(await codeOf(infer, json, JSON.stringify({ inputs }))).toEqual([400, 'infer_request_invalid']);
    const metadata = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`k${index}`, index]));
    expect(await codeOf('/v1/jobs', json, JSON.stringify({ image_base64: 'QQ==', metadata }))).toEqual([
      400,
      'option_invalid',
    ]);
    const items = [{ image_base64: 'QQ==', metadata }];
    expect(await codeOf('/v1/batches', json, JSON.stringify({ items }))).toEqual([413, 'batch_too_large']);
  });
});

describe('JSON that is deep', () => {
  const lists = `${'["",'.repeat(12_000)}""${']'.repeat(12_000)}`;
  const objects = `${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}`;

  it.each([lists, objects])('is no JSON to any route: %.4s', async (deep) => {
    const malformed = [400, 'json_malformed'];
    const picture = image.toString('base64');
    expect(await codeOf('/v1/jobs', json, `{"image_base64":"${picture}","metadata":${deep}}`)).toEqual(malformed);
    expect(await codeOf('/v1/jobs', json, deep)).toEqual(malformed);
    expect(await codeOf('/v1/webhooks/test', json, `{"webhook_url":${deep}}`)).toEqual(malformed);
    expect(await codeOf('/models/resnet50', json, `{"inputs":${deep}}`)).toEqual(malformed);
    expect(await codeOf('/models/resnet50', json, `{"inputs":"x","parameters":${deep}}`)).toEqual(malformed);
    const inferred = `{"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"parameters":{"a":${deep}}}]}`;
    expect(await codeOf(infer, json, inferred)).toEqual(malformed);
    const headers = { 'Inference-Header-Content-Length': String(inferred.length) };
    expect(await codeOf(infer, 'application/octet-stream', inferred, headers)).toEqual(malformed);
    const items = `{"items":[{"image_base64":"${picture}","metadata":{"a":${deep}}}]}`;
    expect(await codeOf('/v1/batches', json, items)).toEqual(malformed);
  });

  it('is no value of an option either, in a form or a query', async () => {
    const deep = '['.repeat(7000) + ']'.repeat(7000);
    const field = `--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n${deep}\r\n`;
    const file = `--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nx\r\n--x--\r\n`;
    expect(await codeOf('/v1/jobs', form, field + file)).toEqual([400, 'option_invalid']);
    expect(
      await codeOf(`/v1/jobs?metadata=${encodeURIComponent(deep.slice(5000, 9000))}`, 'image/jpeg', image),
    ).toEqual([400, 'option_invalid']);
  });
});

describe('JSON behind a byte-order mark', () => {
  const routes: [path: string, document: string, code: ErrorCode][] = [
    ['/v1/jobs', '{}', 'image_missing'],
    ['/v1/batches', '{"items":[]}', 'batch_empty'],
    ['/v1/webhooks/test', '{}', 'option_invalid'],
    ['/models/resnet50', '{}', 'image_missing'],
    [infer, '{"inputs":[]}', 'infer_request_invalid'],
  ];

  it.each(routes)('is read, and in UTF-16 is refused by name: %s', async (path, document, code) => {
    expect((await codeOf(path, json, `\ufeff${document}`))[1]).toBe(code);
    expect((await codeOf(path, json, Buffer.from(`\ufeff${document}`, 'utf16le')))[1]).toBe('json_malformed');
  });
});

describe('metadata named __proto__', () => {
  const metadata = '{"__proto__":"x","a":"b"}';

  it('is refused, and does not vanish', async () => {
    const invalid = [400, 'option_invalid'];
    const picture = image.toString('base64');
    expect(await codeOf('/v1/jobs', json, `{"image_base64":"${picture}","metadata":${metadata}}`)).toEqual(invalid);
    expect(await codeOf(`/v1/jobs?metadata=${encodeURIComponent(metadata)}`, 'image/jpeg', image)).toEqual(invalid);
    const items = (of: string) => `{"items":[{"image_base64":"${picture}"${of}}]`;
    expect(await codeOf('/v1/batches', json, `${items('')},"metadata":${metadata}}`)).toEqual(invalid);
    expect(await codeOf('/v1/batches', json, `${items(`,"metadata":${metadata}`)}}`)).toEqual(invalid);
    expect(await codeOf('/v1/batches', json, `${items(',"__proto__":{}')}}`)).toEqual(invalid);
  });

  it('leaves every other name of Object.prototype alone', async () => {
    const kept = { constructor: 'c', toString: 't', hasOwnProperty: 'h' };
    const response = await api.request(`/v1/jobs?metadata=${encodeURIComponent(JSON.stringify(kept))}`, {
      method: 'POST',
      body: new Uint8Array(image),
      headers: { 'Content-Type': 'image/jpeg' },
    });
    const { metadata: answered } = (await response.json()) as { metadata: unknown };
    expect(answered).toEqual(kept);
  });
});
