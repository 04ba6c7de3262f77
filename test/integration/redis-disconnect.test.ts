/**
 * A connection that is told to end does so, and what was asked on it settles, whatever state it is in. ioredis does not do that
 * by itself (packages/shared/src/redis-disconnect.ts): these tests fail where a new version of it does it less.
 */
import { connectRedis, createLogger, type Redis } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

let server: RedisServer;
let proxy: TcpProxy;

beforeAll(async () => {
  server = await startRedis();
  proxy = await startTcpProxy(server.port);
});
afterAll(async () => {
  await proxy.stop();
  await server.stop();
});

/** Not `once` of node:events, which rejects at an `error`: here there are some. */
const next = (redis: Redis, event: string): Promise<void> =>
  new Promise((resolve) =>
    redis.once(event, () => {
      resolve();
    }),
  );

/** Breaks the connection of `redis`, and resolves when it has noticed. */
async function broken(redis: Redis): Promise<void> {
  const reconnecting = next(redis, 'reconnecting');
  proxy.refuse();
  await reconnecting;
}

const states: Record<string, (redis: Redis) => Promise<unknown>> = {
  ready: () => Promise.resolve(),
  'reconnecting, as it was just lost': broken,
  'reconnecting, after an attempt that failed': async (redis) => {
    await broken(redis);
    await next(redis, 'reconnecting');
  },
  connecting: async (redis) => {
    await broken(redis);
    proxy.pass();
    await next(redis, 'connecting');
  },
  'connected, but not ready': async (redis) => {
    await broken(redis);
    proxy.stall();
    await next(redis, 'connect');
  },
  'reconnecting, after a connection that never became ready': async (redis) => {
    await broken(redis);
    proxy.stall();
    await next(redis, 'connect');
    await broken(redis);
  },
};

// As BullMQ has one of its own to wait for orders on.
describe.each(['of a service', 'of its queue'])('a connection %s', (whose) => {
  it.each(Object.entries(states))('ends when it is told to while it is %s', async (_, reach) => {
    proxy.pass();
    const address = { REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
    const first = connectRedis(address, 'worker', createLogger('test', 'silent'));
    const redis = whose === 'of a service' ? first : first.duplicate();
    redis.on('error', () => undefined);
    await next(redis, 'ready');
    const blocked = redis.blpop('nothing comes here', 0);
    blocked.catch(() => undefined);
    await reach(redis);
    const ended = next(redis, 'end');
    redis.disconnect();
    await ended;
    await expect(blocked).rejects.toThrow('Connection is closed');
    first.disconnect();
  });
});
