/**
 * Bad input, line by line: each is a problem document with its own code and 4xx, in under a second, and the service goes on.
 * After each, a good picture is still accepted.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errorRegistry, problemSchema, type ErrorCode } from '@quintet/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hostileFiles, makeImage, pngClaiming, svgWithReference } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, formWith, metric, problemOf, rawExchange, startReadyApi, type Api } from './api-harness.js';

const quick = 1000;

let server: RedisServer;
let api: Api;
let image: Buffer;
let folder: string;

beforeAll(async () => {
  server = await startRedis();
  image = await makeImage({ format: 'jpeg', width: 320, height: 240 });
  folder = await mkdtemp(join(tmpdir(), 'quintet-bad-input-'));
  api = await startReadyApi(server.url);
});

afterAll(async () => {
  expect(await api.end()).toBe(0);
  await server.stop();
  await rm(folder, { recursive: true });
});

afterEach(async () => {
  const response = await post(image, raw);
  expect(response.status).toBe(202);
  expect(api.process.exitCode).toBeNull();
});

const raw = { 'Content-Type': 'image/jpeg' };
const json = { 'Content-Type': 'application/json' };

function post(body: RequestInit['body'] | Buffer, headers: Record<string, string> = {}, query = ''): Promise<Response> {
  return api.request(`/v1/jobs${query}`, { method: 'POST', body: body as RequestInit['body'] & {}, headers });
}

/** Expects the problem `code`, in under a second. */
async function refused(ask: () => Promise<Response>, code: ErrorCode): Promise<Response> {
  const started = performance.now();
  const response = await ask();
  const problem = await problemOf(response.clone());
  expect([problem.code, response.status]).toEqual([code, errorRegistry[code].status]);
  expect(problem.type).toBe(`urn:quintet:error:${code}`);
  expect(performance.now() - started).toBeLessThan(quick);
  return response;
}

/** The same for an answer read off a socket. */
function expectRaw(answer: string, code: ErrorCode): void {
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${errorRegistry[code].status} `));
  const [, body] = answer.split('\r\n\r\n');
  expect(problemSchema.parse(JSON.parse(body ?? '')).code).toBe(code);
}

function head(...lines: readonly string[]): string {
  return [`POST /v1/jobs HTTP/1.1`, 'Host: quintet', ...lines, '', ''].join('\r\n');
}

describe('no picture', () => {
  it('empty body', async () => {
    await refused(() => api.request('/v1/jobs', { method: 'POST' }), 'body_empty');
    await refused(() => api.request('/v1/jobs', { method: 'POST', headers: raw }), 'body_empty');
    const chunked = head('Content-Type: image/png', 'Transfer-Encoding: chunked', 'Connection: close');
    expectRaw(await rawExchange(api.port, [chunked, '0\r\n\r\n']), 'body_empty');
  });

  it('no file', async () => {
    await refused(() => post(formWith(undefined, { top_k: '3' })), 'image_missing');
    await refused(() => post(formWith(undefined, { image: 'as text' })), 'image_missing');
    await refused(() => post('{}', json), 'image_missing');
    await refused(() => post(formWith(Buffer.alloc(0))), 'image_empty');
    await refused(() => post('{"image_base64":""}', json), 'image_empty');
  });

  it('two files', async () => {
    for (const second of ['image', 'other']) {
      const form = formWith(image);
      form.append(second, new Blob([new Uint8Array(image)]), 'b.jpg');
      await refused(() => post(form), 'one_image_per_job');
    }
  });

  it('wrong field name', async () => {
    await refused(() => post(formWith(image, {}, 'file')), 'file_field_unexpected');
  });
});

describe('no good picture', () => {
  it('text renamed .jpg', async () => {
    await refused(() => post(formWith(Buffer.from('not a picture'))), 'image_format_unsupported');
  });

  it('truncated JPEG', async () => {
    await refused(() => post(image.subarray(0, image.length / 2), raw), 'image_truncated');
  });

  it('a PNG that claims 60 000 × 60 000', async () => {
    await refused(() => post(pngClaiming(60_000, 60_000), { 'Content-Type': 'image/png' }), 'image_too_many_pixels');
  });

  it('SVG with an external reference', async () => {
    await refused(() => post(svgWithReference, { 'Content-Type': 'image/svg+xml' }), 'image_format_unsupported');
  });

  it('a polyglot file', async () => {
    const zip = Buffer.concat([image, Buffer.from('PK\x05\x06'), Buffer.alloc(18)]);
    await refused(() => post(zip, raw), 'image_polyglot');
  });

  it('zero-size dimensions', async () => {
    await refused(() => post(pngClaiming(0, 10), raw), 'image_dimensions_invalid');
  });

  it('everything else that a stranger may send', async () => {
    for (const { name, bytes, code } of await hostileFiles()) {
      const started = performance.now();
      const response = await post(formWith(bytes));
      expect([name, (await problemOf(response)).code]).toEqual([name, code]);
      expect(performance.now() - started).toBeLessThan(quick);
    }
  });
});

describe('too much, too little', () => {
  const size = 30_000_000;

  it('a 30 MB upload', async () => {
    const big = Buffer.alloc(size);
    await refused(() => post(formWith(big)), 'body_too_large');
    const base64 = JSON.stringify({ image_base64: Buffer.alloc(22 * 1024 * 1024).toString('base64') });
    await refused(() => post(base64, json), 'body_too_large');
  });

  it('a 30 MB upload by curl, however it sends it', async () => {
    const file = join(folder, 'big.jpg');
    await writeFile(file, Buffer.alloc(size));
    const url = `${api.url}/v1/jobs`;
    const ways = [
      ['-F', `image=@${file}`],
      ['-F', `image=@${file}`, '-H', 'Expect:'],
      ['-F', `image=@${file}`, '-H', 'Transfer-Encoding: chunked', '-H', 'Expect:'],
      ['--data-binary', `@${file}`, '-H', 'Content-Type: image/jpeg'],
      ['--data-binary', `@${file}`, '-H', 'Content-Type: image/jpeg', '-H', 'Expect:'],
      ['--data-binary', `@${file}`, '-H', 'Content-Type: image/jpeg', '-H', 'Transfer-Encoding: chunked'],
    ];
    for (const way of ways) {
      const { stdout } = await promisify(execFile)('curl', ['-sS', '-w', '\n%{http_code} %{time_total}', ...way, url]);
      const [body, status] = stdout.split('\n');
      expect(problemSchema.parse(JSON.parse(body ?? '')).code).toBe('body_too_large');
      expect(status).toMatch(/^413 0\./);
    }
  });

  it('a client that reads nothing before it has sent everything', async () => {
    const started = performance.now();
    const socket = connect({ port: api.port, host: '127.0.0.1' });
    await once(socket, 'connect');
    socket.pause();
    socket.write(head('Content-Type: image/jpeg', `Content-Length: ${size}`));
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.write(Buffer.alloc(size), () => {
        resolve();
      });
    });
    let text = '';
    socket.on('data', (data) => (text += data.toString('latin1'))).resume();
    await once(socket, 'close');
    expectRaw(text, 'body_too_large');
    expect(performance.now() - started).toBeLessThan(quick);
  });

  it('an upload cut half-way', async () => {
    const half = image.subarray(0, image.length / 2);
    const form = `--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n`;
    // A client that half-closes can still be told.
    for (const [type, body] of [
      ['image/jpeg', half],
      ['multipart/form-data; boundary=b', Buffer.concat([Buffer.from(form), half])],
    ] as const) {
      const lines = head(`Content-Type: ${type}`, `Content-Length: ${image.length + 1000}`);
      const started = performance.now();
      expectRaw(await rawExchange(api.port, [lines, body], { halfClose: true }), 'upload_incomplete');
      expect(performance.now() - started).toBeLessThan(quick);
    }
    // One that is gone cannot; nothing of it stays. The budget of all uploads would be empty after 26 of these.
    const before = await metric(api, 'quintet_jobs_refused_total', '{code="upload_incomplete"}');
    for (let i = 0; i < 30; i += 1) {
      const socket = connect({ port: api.port, host: '127.0.0.1' });
      await once(socket, 'connect');
      socket.write(head('Content-Type: image/jpeg', 'Content-Length: 20000000'));
      socket.write(half, () => {
        socket.resetAndDestroy();
      });
      await once(socket, 'close');
    }
    await eventually(async () => {
      const refusedNow = await metric(api, 'quintet_jobs_refused_total', '{code="upload_incomplete"}');
      expect((refusedNow ?? 0) - (before ?? 0)).toBe(30);
    });
  });

  it('a multipart body that is none', async () => {
    const multipart = (type: string, body: string) => () => post(body, { 'Content-Type': type });
    await refused(multipart('multipart/form-data', 'x'), 'multipart_malformed');
    await refused(multipart('multipart/form-data; boundary=b', 'not multipart at all'), 'multipart_malformed');
    const unfinished = '--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nhalf';
    await refused(multipart('multipart/form-data; boundary=b', unfinished), 'multipart_malformed');
    await refused(
      multipart('multipart/form-data; boundary=b', '--b\r\nnonsense\r\n\r\nx\r\n--b--\r\n'),
      'multipart_malformed',
    );
  });

  it('more fields than there are options', async () => {
    const form = formWith(image);
    for (let i = 0; i < 100; i += 1) form.append(`field${i}`, 'x');
    await refused(() => post(form), 'option_unknown');
    await refused(() => post(formWith(image, { metadata: 'x'.repeat(100_000) })), 'option_invalid');
    await refused(() => post(formWith(image, { 'metadata[a]': 'b' })), 'option_unknown');
    await refused(() => post(formWith(image, { ['x'.repeat(200)]: 'b' })), 'option_unknown');
  });
});

describe('options', () => {
  it('top_k=0 or "five"', async () => {
    for (const value of ['0', 'five', '21', '-1', '1e99', '']) {
      const response = await refused(() => post(formWith(image, { top_k: value })), 'option_invalid');
      const { errors } = await problemOf(response);
      expect(errors).toEqual([{ detail: expect.stringContaining('from 1 to 20') as string, pointer: '#/top_k' }]);
      await refused(() => post(image, raw, `?top_k=${value}`), 'option_invalid');
    }
    await refused(() => post('{"image_base64":"QUJD","top_k":"5"}', json), 'option_invalid');
  });

  it('unknown option', async () => {
    const response = await refused(() => post(formWith(image, { topk: '3' })), 'option_unknown');
    expect((await problemOf(response)).detail).toMatch(/"topk".*top_k/);
    await refused(() => post(image, raw, '?topk=3'), 'option_unknown');
    await refused(() => post('{"image_base64":"QUJD","__proto__":{"top_k":1}}', json), 'option_unknown');
    // In the query only where the body is the picture.
    await refused(() => post(formWith(image), {}, '?top_k=3'), 'option_unknown');
  });

  it('unknown model', async () => {
    const response = await refused(() => post(image, raw, '?model=resnet5000'), 'model_not_found');
    expect((await problemOf(response)).detail).toContain('resnet50.');
  });

  it('malformed JSON', async () => {
    for (const text of ['{', '{"image_base64":}', 'image', '[]', '"text"', '\ufeff{}', '{"a":"\u0001"}', '\0']) {
      await refused(() => post(text, json), 'json_malformed');
    }
    await refused(() => post('['.repeat(20_000_000), json), 'body_too_large');
  });

  it('bad base64', async () => {
    for (const text of ['%%%', 'QQ=', 'Q', 'QUJD QUJD', `${'QUJD'.repeat(3000)}*`]) {
      await refused(() => post(JSON.stringify({ image_base64: text }), json), 'base64_invalid');
    }
    await refused(() => post('{"image_base64":{"a":1}}', json), 'base64_invalid');
  });

  it('an address to fetch, which belongs to a later version', async () => {
    await refused(() => post('{"image_url":"https://example.com/a.jpg"}', json), 'image_url_unsupported');
  });
});

describe('addresses and headers', () => {
  it('unknown job id', async () => {
    const path = '/v1/jobs/01234567-89ab-4def-8123-456789abcdef';
    await refused(() => api.request(path), 'job_not_found');
    await refused(() => api.request(path, { method: 'DELETE' }), 'job_not_found');
    await refused(() => api.request(path, { headers: { Prefer: 'wait=5' } }), 'job_not_found');
  });

  it('an id with odd characters', async () => {
    for (const id of [
      '%00',
      '%2e%2e%2fetc',
      '1',
      '%20',
      '*',
      '%F0%9F%90%B6',
      'a'.repeat(4000),
      "';--",
      '01234567-89AB-4def-8123-456789abcdef',
    ]) {
      await refused(() => api.request(`/v1/jobs/${id}`), 'job_id_invalid');
    }
    await refused(() => api.request('/v1/jobs/%E0%A4%A'), 'request_malformed');
  });

  it('wrong method', async () => {
    const methods = {
      '/v1/jobs': 'PUT',
      '/v1/models': 'POST',
      '/health/live': 'DELETE',
      '/metrics': 'PATCH',
      '/': 'POST',
    };
    for (const [path, method] of Object.entries(methods)) {
      const response = await refused(() => api.request(path, { method }), 'method_not_allowed');
      expect(response.headers.get('allow')).toMatch(path === '/v1/jobs' ? /^POST\b/ : /^GET, HEAD\b/);
    }
    await refused(() => api.request('/v1/jobs/x', { method: 'POST' }), 'method_not_allowed');
    await refused(() => api.request('/v2/nothing'), 'route_not_found');
  });

  it('unsupported Accept', async () => {
    await refused(() => post(image, { ...raw, Accept: 'text/html' }), 'not_acceptable');
    await refused(
      () => api.request('/v1/models', { headers: { Accept: 'image/png, text/*;q=0.5' } }),
      'not_acceptable',
    );
    await refused(() => api.request('/metrics', { headers: { Accept: 'application/json' } }), 'not_acceptable');
    for (const accept of ['*/*', 'application/*', 'application/json;q=0.1, text/html', 'application/problem+json']) {
      expect((await api.request('/v1/models', { headers: { Accept: accept } })).status).toBe(200);
    }
  });

  it('unsupported type or encoding of the body', async () => {
    await refused(() => post(image, { 'Content-Type': 'text/plain' }), 'content_type_unsupported');
    await refused(
      () => post(image, { 'Content-Type': 'application/x-www-form-urlencoded' }),
      'content_type_unsupported',
    );
    expectRaw(
      await rawExchange(api.port, [head('Content-Length: 3', 'Connection: close'), 'abc']),
      'content_type_unsupported',
    );
    await refused(() => post(image, { ...raw, 'Content-Encoding': 'gzip' }), 'content_encoding_unsupported');
    expect((await post(image, { ...raw, 'Content-Encoding': 'identity' })).status).toBe(202);
  });

  it('a Prefer that makes no sense is ignored, as RFC 7240 has it', async () => {
    for (const prefer of ['wait=abc', 'wait=-1', 'wait', ',;=', 'handling=strict']) {
      const response = await post(image, { ...raw, Prefer: prefer === 'wait' ? 'wait=0' : prefer });
      expect(response.status).toBe(202);
    }
  });

  it('what is not HTTP', async () => {
    expectRaw(await rawExchange(api.port, ['nonsense\r\n\r\n']), 'request_malformed');
    expectRaw(
      await rawExchange(api.port, [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`]),
      'request_malformed',
    );
    const smuggled = head('Content-Type: image/jpeg', 'Content-Length: 3', 'Transfer-Encoding: chunked');
    expectRaw(await rawExchange(api.port, [smuggled, '0\r\n\r\n']), 'request_malformed');
    const chunked = head('Content-Type: image/jpeg', 'Transfer-Encoding: chunked');
    expectRaw(await rawExchange(api.port, [chunked, 'zz\r\n']), 'upload_incomplete');
  });
});
