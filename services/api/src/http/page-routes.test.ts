/** The page over HTTP, as built and as absent. What the application puts around it: test/integration/page.test.ts. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { ProblemError } from '@quintet/shared';
import express, { type ErrorRequestHandler } from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPage } from './page-files.js';
import { homeRoute, pageFileRoute } from './page-routes.js';

const html = `<!doctype html><title>Quintet</title>${'<p>text</p>'.repeat(50)}`;
const script = 'console.log(1);'.repeat(50);
/** A picture has no smaller form beside it. */
const picture = Buffer.from([0xff, 0xd8, 0xff, 0xe0]);
let folder: string;
let server: Server;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quintet-page-'));
  await mkdir(join(folder, 'assets'));
  for (const [name, text] of [
    ['index.html', html],
    ['assets/index-0123.js', script],
    ['favicon.svg', '<svg/>'],
    ['.sources', 'not served'],
  ] as const) {
    await writeFile(join(folder, name), text);
    await writeFile(join(folder, `${name}.br`), brotliCompressSync(text));
    await writeFile(join(folder, `${name}.gz`), gzipSync(text));
  }
  await writeFile(join(folder, 'assets/clock-0123.jpg'), picture);
  const page = await loadPage(folder);
  const app = express();
  app.set('etag', false);
  app.get('/', homeRoute(page), (_request, response) => void response.json({ service: 'quintet' }));
  app.get(['/assets/:name', '/favicon.svg'], pageFileRoute(page));
  app.get('/absent', homeRoute(undefined), (_request, response) => void response.json({ service: 'quintet' }));
  app.get('/absent.svg', pageFileRoute(undefined));
  const onError: ErrorRequestHandler = (error, _request, response, _next) => {
    if (error instanceof ProblemError) response.status(error.status).json(error.toProblem());
    else throw error;
  };
  app.use(onError);
  server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
});

afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

/** Not fetch, which decodes what it is sent and asks for encodings by itself. */
async function get(path: string, headers: Record<string, string> = {}, method = 'GET') {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { host: '127.0.0.1', port: (server.address() as AddressInfo).port, path, headers, method };
    httpRequest(options, resolve).once('error', reject).end();
  });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
}

const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';

describe('the page', () => {
  it.each([
    [browser, 'text/html; charset=utf-8'],
    ['text/html', 'text/html; charset=utf-8'],
    ['*/*', 'application/json; charset=utf-8'],
    ['application/json', 'application/json; charset=utf-8'],
    ['application/json, text/html;q=0.9', 'application/json; charset=utf-8'],
    [undefined, 'application/json; charset=utf-8'],
  ])('answers Accept: %s with %s', async (accept, type) => {
    const { headers, status } = await get('/', accept === undefined ? {} : { accept });
    expect([status, headers['content-type']]).toEqual([200, type]);
    expect(headers['vary']).toMatch(/^Accept(, Accept-Encoding)?$/);
  });

  it('allows itself nothing from elsewhere', async () => {
    const { headers } = await get('/', { accept: browser });
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(headers['content-security-policy']).not.toMatch(/unsafe|http|\*/);
    expect(headers['permissions-policy']).toContain('camera=(self)');
    expect(headers['cache-control']).toBe('no-cache');
  });

  it.each([
    ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0, gzip;q=0.5', 'gzip', gunzipSync],
    ['deflate', undefined, (bytes: Buffer) => bytes],
  ])('sends Accept-Encoding: %s as %s', async (accept, encoding, decode) => {
    const { headers, body } = await get('/assets/index-0123.js', { 'accept-encoding': accept });
    expect(headers['content-encoding']).toBe(encoding);
    expect(decode(body).toString()).toBe(script);
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
  });

  it('sends a picture as it is, to be kept', async () => {
    const { headers, body } = await get('/assets/clock-0123.jpg', { 'accept-encoding': 'gzip, br' });
    expect([headers['content-type'], headers['content-encoding']]).toEqual(['image/jpeg', undefined]);
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(body).toEqual(picture);
  });

  it('is not sent again to whoever has it', async () => {
    const first = await get('/', { accept: browser, 'accept-encoding': 'br' });
    const tag = first.headers.etag ?? '';
    const again = await get('/', { accept: browser, 'accept-encoding': 'br', 'if-none-match': `"x", W/${tag}` });
    expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, tag]);
    // Another encoding is another representation.
    const plain = await get('/', { accept: browser, 'if-none-match': tag });
    expect([plain.status, plain.body.toString()]).toEqual([200, html]);
  });

  it('answers HEAD with the same headers and no body', async () => {
    const { headers, body } = await get('/favicon.svg', {}, 'HEAD');
    expect([headers['content-length'], body.length]).toEqual(['6', 0]);
  });

  it.each(['/assets/other.js', '/assets/..%2findex.html', '/assets/index-0123.js.br', '/assets/constructor'])(
    'knows nothing of %s',
    async (path) => {
      const { status, body } = await get(path);
      expect([status, (JSON.parse(body.toString()) as { code: string }).code]).toEqual([404, 'route_not_found']);
    },
  );

  it('says where it is not built', async () => {
    expect((await get('/absent', { accept: browser })).headers['content-type']).toContain('application/json');
    const { status, body } = await get('/absent.svg');
    expect(status).toBe(404);
    expect(body.toString()).toContain('npm run build');
    expect(await loadPage(join(folder, 'nowhere'))).toBeUndefined();
    expect(await loadPage(join(folder, 'assets'))).toBeUndefined();
  });
});
