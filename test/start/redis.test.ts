/** A Redis is looked for with nothing but Node, and one that runs already is proposed, never taken. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { requireRedis } from '../../scripts/lib/redis-binary.mjs';
import { probeRedis, whyUnreachable } from '../../scripts/lib/redis-probe.mjs';
import { freePort, startRedis, type RedisServer } from '../support/redis-server.js';

let running: RedisServer | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function redis(settings: readonly string[] = []): Promise<RedisServer> {
  running = await startRedis(settings);
  return running;
}

/** Answers every connection with `answer`, or not at all. */
async function listening(answer?: string): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (answer !== undefined) socket.end(answer);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** What a user without root learns, on a machine without a Redis program. */
async function refusal(options: { port: number; offers?: boolean; programs?: readonly string[] }): Promise<string> {
  const { programs = [], ...rest } = options;
  const find = (name: string) => (programs.includes(name) ? `/usr/bin/${name}` : undefined);
  try {
    await requireRedis({ offers: true, find, canInstall: () => false, ...rest });
  } catch (error) {
    const { message, next } = error as { message: string; next: string };
    return `${message}\n${next}`;
  }
  throw new Error('it was content');
}

describe('without a Redis program, and without root', () => {
  it('says how to get one', async () => {
    const text = await refusal({ port: await freePort() });
    expect(text).toContain('Redis was not found');
    expect(text).toContain('sudo apt-get install redis-tools');
    expect(text).toContain('brew install redis');
    expect(text).toContain('docker run -d -p 127.0.0.1:6379:6379');
    expect(text).not.toContain('answers on');
    const debian = await refusal({ port: await freePort(), programs: ['apt-get'] });
    expect(debian).not.toContain('brew');
  });

  it('proposes one that runs, by the line that uses it', async () => {
    const { port } = await redis();
    expect(await refusal({ port })).toMatch(
      new RegExp(`A Redis answers on localhost:${port}.*\n {2}REDIS_URL=redis://localhost:${port} npm start\nGet one`),
    );
    expect(await refusal({ port, offers: false })).not.toContain(`localhost:${port}`);
  });

  it('says of one that keeps nothing that it does not', async () => {
    const { port } = await redis(['--appendonly', 'no']);
    expect(await refusal({ port })).toContain('It keeps no append-only file');
  });

  it('says why one that runs cannot be used', async () => {
    const { port } = await redis(['--maxmemory-policy', 'allkeys-lru']);
    const text = await refusal({ port });
    expect(text).toContain('cannot be used: its maxmemory-policy is allkeys-lru');
    expect(text).not.toContain(`REDIS_URL=redis://localhost:${port}`);
  });

  it('says that one that runs wants a password', async () => {
    const port = await listening('-NOAUTH Authentication required.\r\n');
    expect(await refusal({ port })).toContain(`REDIS_URL=redis://:PASSWORD@localhost:${port} npm start`);
  });
});

it.each([
  ['nobody listens', undefined, { state: 'none' }],
  ['something else listens', 'HTTP/1.1 400 Bad Request\r\n\r\n', { state: 'none' }],
  ['it is a replica', '$50\r\nredis_version:7.2.0\r\nrole:slave\r\n\r\n', { state: 'unfit' }],
  ['it is old', '$50\r\nredis_version:6.0.16\r\nrole:master\r\n\r\n', { state: 'unfit' }],
  ['it is one of a cluster', '$50\r\nredis_version:7.2.0\r\nredis_mode:cluster\r\n\r\n', { state: 'unfit' }],
])('a probe finds that %s', async (_what, answer, expected) => {
  const port = answer === undefined ? await freePort() : await listening(answer);
  expect(await probeRedis({ host: '127.0.0.1', port })).toMatchObject(expected);
});

it('a probe does not wait for who says nothing', async () => {
  expect(await probeRedis({ host: '127.0.0.1', port: await listening(), timeoutMs: 50 })).toEqual({ state: 'none' });
});

it('a REDIS_URL is tried where it can be, and otherwise left to who can', async () => {
  const { port } = await redis();
  expect(await whyUnreachable(`redis://:secret@127.0.0.1:${port}/2`)).toBeUndefined();
  expect(await whyUnreachable(`redis://127.0.0.1:${await freePort()}`)).toContain('ECONNREFUSED');
  for (const other of ['nonsense', 'redis+sentinel://a,b/name', 'http://localhost:1']) {
    expect(await whyUnreachable(other)).toBeUndefined();
  }
});
