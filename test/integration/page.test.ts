/** The page as the API serves it: everything it names is there, small, from here, and open to whoever has no key yet. */
import { brotliCompressSync } from 'node:zlib';
import { createApiKey } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import type { ServiceProcess } from '../support/service-process.js';
import { problemOf, startReadyApi } from './api-harness.js';

const mostScriptBytes = 100_000;
let server: RedisServer;
let api: ServiceProcess;
let page: Response;
let html: string;

beforeAll(async () => {
  server = await startRedis();
  api = await startReadyApi(server.url, { API_KEYS: JSON.stringify([createApiKey('someone', ['read']).entry]) });
  page = await api.request('/', { headers: { Accept: 'text/html,*/*;q=0.8' } });
  html = await page.text();
});

afterAll(async () => {
  await api.end();
  await server.stop();
});

/** The addresses that the HTML names. */
const named = (): string[] => [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address ?? '');

describe('the page', () => {
  it('is there for browsers, and the index for everybody else', async () => {
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(html).toContain('<title>Quintet</title>');
    const index = (await (await api.request('/')).json()) as Record<string, unknown>;
    expect(index).toMatchObject({ service: 'quintet', links: { jobs: '/v1/jobs' } });
    expect(index).not.toHaveProperty('hint');
  });

  it('needs no key, unlike what it asks for', async () => {
    expect((await problemOf(await api.request('/v1/models'))).code).toBe('api_key_missing');
  });

  it('may load from here only, and is framed by nobody', () => {
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(html).not.toMatch(/<style|style=|<script>|\son\w+=/);
  });

  it('works under any path: every address is relative, and answers', async () => {
    expect(named().length).toBeGreaterThanOrEqual(3);
    for (const address of named()) {
      expect(address).toMatch(/^\.\//);
      const response = await api.request(address.slice(1));
      expect([address, response.status]).toEqual([address, 200]);
      if (address.includes('/assets/')) expect(response.headers.get('cache-control')).toContain('immutable');
    }
  });

  it(`has less than ${mostScriptBytes / 1000} kB of script, compressed, and names no other host`, async () => {
    let bytes = 0;
    for (const address of named()) {
      const text = await (await api.request(address.slice(1))).text();
      if (address.endsWith('.js')) bytes += brotliCompressSync(text).length;
      // Names of XML namespaces are no addresses, and what a person may open or read is not loaded.
      const loaded = text.replaceAll(/["']?http:\/\/www\.w3\.org\/[\w/]*/g, '');
      expect(loaded.match(/(?:import|fetch|src|url|@import)\W{0,3}["'(]\s*(?:https?:)?\/\/[^\s"')]*/g) ?? []).toEqual(
        [],
      );
    }
    expect(bytes).toBeGreaterThan(1000);
    expect(bytes).toBeLessThan(mostScriptBytes);
  });
});
