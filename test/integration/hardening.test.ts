/** What the API tells browsers, whom it lets in from other origins, and what floods of connections do to it: nothing. */
import { once } from 'node:events';
import { METHODS, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createApiKey } from '@quintet/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { rawExchange, startReadyApi } from './api-harness.js';

let server: RedisServer;
let image: Buffer;
let services: ServiceProcess[] = [];

beforeAll(async () => {
  server = await startRedis();
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
});

afterEach(async () => {
  expect(await Promise.all(services.map((service) => service.end()))).toEqual(services.map(() => 0));
  services = [];
});

afterAll(async () => {
  await server.stop();
});

async function start(environment: Record<string, string> = {}): Promise<ServiceProcess> {
  const service = await startReadyApi(server.url, environment);
  services.push(service);
  return service;
}

describe('headers', () => {
  it('forbid browsers to run, frame or guess at anything, on answers and refusals alike', async () => {
    const service = await start();
    for (const path of ['/', '/v1/models', '/nothing', '/health/ready']) {
      const { headers } = await service.request(path);
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
      );
      expect(Object.fromEntries(headers)).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(headers.get('x-powered-by')).toBeNull();
    }
    // Whoever asks: this service trusts no proxy.
    const forged = await service.request('/', { headers: { 'X-Forwarded-Proto': 'https' } });
    expect(forged.headers.get('strict-transport-security')).toBeNull();
  });

  it('ask for TLS from now on where a trusted proxy says that there is some', async () => {
    const service = await start({ TRUST_PROXY: '1' });
    const over = async (scheme: string): Promise<string | null> =>
      (await service.request('/', { headers: { 'X-Forwarded-Proto': scheme } })).headers.get(
        'strict-transport-security',
      );
    expect([await over('https'), await over('http')]).toEqual(['max-age=31536000', null]);
  });
});

describe('headers of requests', () => {
  it('are all read, or the request is refused: none is dropped because there are many', async () => {
    const { key, entry } = createApiKey('many', ['read']);
    const service = await start({ API_KEYS: JSON.stringify([entry]) });
    const ask = (filler: string): Promise<string> => {
      const head = `GET /v1/models HTTP/1.1\r\nHost: a\r\n${filler}X-API-Key: ${key}\r\nConnection: close\r\n\r\n`;
      return rawExchange(service.port, [head]);
    };
    expect(await ask('a:\r\n'.repeat(3500))).toMatch(/^HTTP\/1\.1 200 /);
    expect(await ask(`X-Large: ${'x'.repeat(17_000)}\r\n`)).toMatch(
      /^HTTP\/1\.1 400 [^]*headers of the request are too large/,
    );
  });
});

describe('other origins', () => {
  const preflight = (service: ServiceProcess, origin: string): Promise<Response> =>
    service.request('/v1/jobs/1', {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'DELETE',
        'Access-Control-Request-Headers': 'authorization',
      },
    });

  it('are let in where they are named, before a key is asked for', async () => {
    const { entry } = createApiKey('page', ['read']);
    const service = await start({
      CORS_ORIGINS: 'https://a.example, https://b.example',
      API_KEYS: JSON.stringify([entry]),
    });
    const allowed = await preflight(service, 'https://b.example');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://b.example');
    expect(allowed.headers.get('access-control-allow-methods')).toContain('DELETE');
    expect(allowed.headers.get('access-control-allow-headers')?.toLowerCase()).toContain('authorization');
    expect(allowed.headers.get('access-control-allow-credentials')).toBeNull();
    expect((await preflight(service, 'https://c.example')).headers.get('access-control-allow-origin')).toBeNull();
    // A page must be able to read why it was refused.
    const refused = await service.request('/v1/models', { headers: { Origin: 'https://a.example' } });
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, 'https://a.example']);
    expect(refused.headers.get('access-control-expose-headers')).toContain('Retry-After');
    expect(refused.headers.get('vary')).toContain('Origin');
    const plain = await service.request('/v1/jobs', { method: 'OPTIONS', headers: { Origin: 'https://a.example' } });
    expect(plain.headers.get('allow')).toBe('GET, HEAD, POST, OPTIONS');
  });

  it('are kept out otherwise, and a list that is none ends the start', async () => {
    const service = await start();
    const answer = await preflight(service, 'https://a.example');
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    await expect(startReadyApi(server.url, { CORS_ORIGINS: 'https://a.example/path' })).rejects.toThrow('ended (1)');
  });
});

describe('METRICS_PORT', () => {
  it('takes metrics off the port that clients reach', async () => {
    const service = await start({ METRICS_PORT: '0' });
    const port = Number((await service.logged('listening'))['metrics_port']);
    expect((await service.request('/metrics')).status).toBe(404);
    expect(await (await service.request('/')).text()).not.toContain('/metrics');
    const metrics = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(await metrics.text()).toContain('quintet_queue_depth{');
    expect((await fetch(`http://127.0.0.1:${port}/health/ready`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}/v1/models`)).status).toBe(404);
  });
});

describe('connections', () => {
  async function open(service: ServiceProcess, text: string): Promise<Socket> {
    const socket = connect({ port: service.port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(text);
    return socket;
  }

  /** Submits from another address of this machine than all the others use. */
  async function submitFromElsewhere(service: ServiceProcess): Promise<number | undefined> {
    const outgoing = httpRequest(`${service.url}/v1/jobs`, {
      method: 'POST',
      localAddress: '127.0.0.2',
      headers: { 'Content-Type': 'image/jpeg', 'Content-Length': image.length },
    });
    outgoing.end(image);
    const [response] = (await once(outgoing, 'response')) as [{ statusCode?: number; resume(): void }];
    response.resume();
    return response.statusCode;
  }

  it('that say nothing, or say it slowly, keep nobody else out', async () => {
    const service = await start({ DEFAULT_MODEL: 'nobody' });
    const half = 'POST /v1/jobs HTTP/1.1\r\nHost: quintet\r\n';
    const upload = `${half}Content-Type: image/jpeg\r\nContent-Length: 20000000\r\n\r\nx`;
    const texts = [
      ...Array.from({ length: 1000 }, () => ''),
      ...Array.from({ length: 100 }, () => `${half}X-Slow: `),
      // Together they say that they take more than all uploads may.
      ...Array.from({ length: 40 }, () => upload),
    ];
    const sockets: Socket[] = [];
    for (let from = 0; from < texts.length; from += 100) {
      sockets.push(...(await Promise.all(texts.slice(from, from + 100).map((text) => open(service, text)))));
    }
    const drip = setInterval(() => {
      for (const socket of sockets.slice(1000)) socket.write('x');
    }, 100);
    await eventually(async () => {
      expect(await service.metric('quintet_jobs_refused_total', { code: 'uploads_busy' })).toBeGreaterThan(10);
    });
    const statuses = await Promise.all(Array.from({ length: 20 }, () => submitFromElsewhere(service)));
    expect(statuses).toEqual(statuses.map(() => 202));
    expect((await service.request('/health/ready')).status).toBe(200);
    clearInterval(drip);
    for (const socket of sockets) socket.destroy();
  });

  it('that do not read hold no more than sixteen answers, and none when they have gone', async () => {
    const service = await start();
    const socket = connect({ port: service.port, host: '127.0.0.1' }).pause();
    await once(socket, 'connect');
    socket.write('GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1400));
    // What is asked on another connection meanwhile comes.
    expect((await service.request('/health/live')).status).toBe(200);
    let text = '';
    socket.on('data', (data: Buffer) => (text += data.toString('latin1'))).resume();
    await once(socket, 'end');
    socket.destroy();
    const answers = text.split(/HTTP\/1\.1 200 OK\r\n/).slice(1);
    expect(answers).toHaveLength(16);
    for (const answer of answers) {
      expect(() => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as unknown).not.toThrow();
    }
    expect(await service.metric('quintet_http_request_duration_seconds_count', { route: '/openapi.json' })).toBe(16);

    const submitted = await service.request('/v1/jobs', {
      method: 'POST',
      body: new Uint8Array(image),
      headers: { 'Content-Type': 'image/jpeg' },
    });
    const { links } = (await submitted.json()) as { links: { events: string } };
    const listener = connect({ port: service.port, host: '127.0.0.1' });
    listener.write(`GET ${links.events} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(5));
    await eventually(async () => {
      expect(await service.metric('quintet_event_streams')).toBe(5);
    });
    listener.destroy();
    await eventually(async () => {
      expect(await service.metric('quintet_event_streams')).toBe(0);
    });
  });

  it('make no more series of metrics, by whatever methods they ask with', async () => {
    const service = await start();
    const methods = METHODS.filter((method) => method !== 'CONNECT');
    for (const path of ['/v1/jobs', '/v1/models', '/nothing']) {
      await Promise.all(
        methods.map(async (method) => {
          await rawExchange(service.port, [`${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`]);
        }),
      );
    }
    const text = await (await service.request('/metrics')).text();
    const named = new Set(
      [...text.matchAll(/request_duration_seconds_count\{method="(\w+)"/g)].map(([, method]) => method),
    );
    expect([...named].sort()).toEqual(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'other']);
    expect(
      await service.metric('quintet_http_request_duration_seconds_count', { method: 'other', route: '/v1/jobs' }),
    ).toBe(methods.length - 5);
  });

  it('are no more than MAX_CONNECTIONS', async () => {
    const service = await start({ MAX_CONNECTIONS: '5' });
    const sockets = await Promise.all(Array.from({ length: 10 }, () => open(service, '')));
    const closed = new Set<Socket>();
    for (const socket of sockets) socket.once('close', () => closed.add(socket)).resume();
    await eventually(() => {
      expect(closed.size).toBeGreaterThanOrEqual(5);
    });
    for (const socket of sockets) socket.destroy();
    await eventually(async () => {
      expect((await service.request('/health/live')).status).toBe(200);
    });
  });
});
