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
import { problemSchema } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { hostileFiles, pngClaiming, svgWithReference } from '../fixtures/images/index.js';
import { expectRaw, head, json, raw, refused, targetOfTests } from './api-bad-input-harness.js';
import { eventually } from '../support/service-process.js';
import { formWith, problemOf, rawExchange } from './api-harness.js';

const target = targetOfTests();

describe('no picture', () => {
  it('empty body', async () => {
    const { api } = target();
    await refused(() => api.request('/v1/jobs', { method: 'POST' }), 'body_empty');
    await refused(() => api.request('/v1/jobs', { method: 'POST', headers: raw }), 'body_empty');
    const chunked = head('Content-Type: image/png', 'Transfer-Encoding: chunked', 'Connection: close');
    expectRaw(await rawExchange(api.port, [chunked, '0\r\n\r\n']), 'body_empty');
  });

  it('no file', async () => {
    const { post } = target();
    await refused(() => post(formWith(undefined, { top_k: '3' })), 'image_missing');
    await refused(() => post(formWith(undefined, { image: 'as text' })), 'image_missing');
    await refused(() => post('{}', json), 'image_missing');
    await refused(() => post(formWith(Buffer.alloc(0))), 'image_empty');
    await refused(() => post('{"image_base64":""}', json), 'image_empty');
  });

  it('two files', async () => {
    const { image, post } = target();
    for (const second of ['image', 'other']) {
      const form = formWith(image);
      form.append(second, new Blob([new Uint8Array(image)]), 'b.jpg');
      await refused(() => post(form), 'one_image_per_job');
    }
  });

  it('wrong field name', async () => {
    const { image, post } = target();
    await refused(() => post(formWith(image, {}, 'file')), 'file_field_unexpected');
  });
});

describe('no good picture', () => {
  it('text renamed .jpg', async () => {
    const { post } = target();
    await refused(() => post(formWith(Buffer.from('not a picture'))), 'image_format_unsupported');
  });

  it('truncated JPEG', async () => {
    const { image, post } = target();
    await refused(() => post(image.subarray(0, image.length / 2), raw), 'image_truncated');
  });

  it('a PNG that claims 60 000 × 60 000', async () => {
    const { post } = target();
    await refused(() => post(pngClaiming(60_000, 60_000), { 'Content-Type': 'image/png' }), 'image_too_many_pixels');
  });

  it('SVG with an external reference', async () => {
    const { post } = target();
    await refused(() => post(svgWithReference, { 'Content-Type': 'image/svg+xml' }), 'image_format_unsupported');
  });

  it('a polyglot file', async () => {
    const { image, post } = target();
    const zip = Buffer.concat([image, Buffer.from('PK\x05\x06'), Buffer.alloc(18)]);
    await refused(() => post(zip, raw), 'image_polyglot');
  });

  it('zero-size dimensions', async () => {
    const { post } = target();
    await refused(() => post(pngClaiming(0, 10), raw), 'image_dimensions_invalid');
  });

  it('everything else that a stranger may send', async () => {
    const { post } = target();
    for (const { name, bytes, code } of await hostileFiles()) {
      const response = await post(formWith(bytes));
      expect([name, (await problemOf(response)).code]).toEqual([name, code]);
    }
  });
});

describe('too much, too little', () => {
  const size = 40_000_000;

  it('a 40 MB upload', async () => {
    const { post } = target();
    const big = Buffer.alloc(size);
    await refused(() => post(formWith(big)), 'body_too_large');
    const base64 = JSON.stringify({ image_base64: Buffer.alloc(34 * 1024 * 1024).toString('base64') });
    await refused(() => post(base64, json), 'body_too_large');
  });

  it('a 40 MB upload by curl, however it sends it', async () => {
    const { api } = target();
    const folder = await mkdtemp(join(tmpdir(), 'quintet-bad-input-'));
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
      expect(status).toMatch(/^413 /);
    }
    await rm(folder, { recursive: true });
  });

  it('a client that reads nothing before it has sent everything', async () => {
    const { api } = target();
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
  });

  it('an upload cut half-way', async () => {
    const { api, image } = target();
    const half = image.subarray(0, image.length / 2);
    const form = `--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n`;
    const counted = () => api.metric('quintet_jobs_refused_total', { code: 'upload_incomplete' });
    const before = await counted();
    // A client that half-closes can still be told.
    for (const [type, body] of [
      ['image/jpeg', half],
      ['multipart/form-data; boundary=b', Buffer.concat([Buffer.from(form), half])],
    ] as const) {
      const lines = head(`Content-Type: ${type}`, `Content-Length: ${image.length + 1000}`);
      expectRaw(await rawExchange(api.port, [lines, body], { halfClose: true }), 'upload_incomplete');
    }
    // One that is gone cannot; nothing of it stays. The budget of all uploads would be empty after 26 of these.
    for (let i = 0; i < 30; i += 1) {
      const socket = connect({ port: api.port, host: '127.0.0.1' });
      await once(socket, 'connect');
      socket.write(head('Content-Type: image/jpeg', 'Content-Length: 20000000'));
      socket.write(half, () => {
        socket.resetAndDestroy();
      });
      await once(socket, 'close');
    }
    // The server answers those two itself, perhaps before they are counted.
    await eventually(async () => {
      expect((await counted()) - before).toBe(32);
    });
  });

  it('a multipart body that is none', async () => {
    const { post } = target();
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
    const { image, post } = target();
    const form = formWith(image);
    for (let i = 0; i < 100; i += 1) form.append(`field${i}`, 'x');
    await refused(() => post(form), 'option_unknown');
    await refused(() => post(formWith(image, { metadata: 'x'.repeat(100_000) })), 'option_invalid');
    await refused(() => post(formWith(image, { 'metadata[a]': 'b' })), 'option_unknown');
    await refused(() => post(formWith(image, { ['x'.repeat(200)]: 'b' })), 'option_unknown');
  });
});
