/** Redis dies, is cut off, is full, or is configured to forget. No process of ours is restarted for it. */
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { full } from '../support/full.js';
import { eventually } from '../support/service-process.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { quantile } from './support/open-load.js';
import { startStand, watchMemory, type Stand } from './support/stand.js';

let stand: Stand;
let proxy: TcpProxy;

beforeAll(async () => {
  stand = await startStand({
    workers: 2,
    between: async (redis) => {
      proxy = await startTcpProxy(redis.port);
      return `redis://127.0.0.1:${proxy.port}`;
    },
  });
});
afterAll(async () => {
  await stand.stop();
  await proxy.stop();
});

/** Load before, during and after; every process is the one that it was, at its level of memory. */
async function during(fault: string, hurt: () => Promise<void>): Promise<void> {
  const { api, webhooks, workers } = stand.stack;
  const processes = [api, webhooks, ...workers];
  const memory = watchMemory(processes);
  const load = stand.load();
  await load.more(full ? 60 : 20);
  await hurt();
  const recoverySeconds = await stand.recovery();
  await load.more(full ? 60 : 20);
  await load.stop();
  // Orders whose hand-over was under way when the connection broke are given out again when their locks run out.
  await stand.book(fault, load, { recoverySeconds, note: `${load.refused} refused meanwhile` });
  for (const each of processes) {
    expect([each.process.exitCode, each.process.signalCode]).toEqual([null, null]);
    await each.ready();
  }
  memory.check();
}

const cutMs = full ? 20_000 : 5_000;
const awayMs = full ? 5000 : 1000;

describe('Redis', () => {
  it('is killed, and started again', async () => {
    await during(`Redis killed, ${awayMs / 1000} s away`, async () => {
      await stand.stack.redis.kill();
      await delay(awayMs);
      await stand.stack.redis.start();
    });
  });

  it('is cut off by a network that resets', async () => {
    await during(`Redis cut off ${cutMs / 1000} s, resets`, async () => {
      proxy.refuse();
      await delay(cutMs);
      proxy.pass();
    });
  });

  it('is cut off by a network that says nothing', async () => {
    await during(`Redis cut off ${cutMs / 1000} s, half open`, async () => {
      proxy.stall();
      await delay(cutMs);
      proxy.pass();
    });
  });

  it('loses all connections at a moment, silently', async () => {
    // The network works again before anybody can have noticed, which takes up to four seconds: all that was connected stays a
    // black hole, and Redis goes on giving work to its far ends.
    const hurt = async (): Promise<void> => {
      proxy.stall();
      await delay(100);
      proxy.pass();
    };
    await during('Redis connections turned black holes', hurt);
  });

  it('is full', async () => {
    const redis = new Redis(stand.stack.redis.url);
    // A backlog, and clients that go on.
    const burst = stand.load({ clients: 16, pauseMs: 0, ways: ['plain'] });
    await burst.more(60);
    await burst.stop();
    const used = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
    await redis.config('SET', 'maxmemory', String(Math.floor(used / 4)));
    const waiting = burst.accepted.length;
    const load = stand.load();
    await eventually(() => {
      expect(load.failures.get('503 storage_full')).toBeGreaterThan(5);
    });
    // What was accepted ends all the same: it is how a full Redis becomes empty.
    await eventually(async () => {
      for (const { id } of burst.accepted) {
        const { status } = (await (await fetch(`${stand.urls[0] ?? ''}/v1/jobs/${id}`)).json()) as { status: string };
        expect(status).toBe('succeeded');
      }
    });
    expect(Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1])).toBeLessThan(used);
    await redis.config('SET', 'maxmemory', '0');
    const recoverySeconds = await stand.recovery();
    await load.more(20);
    await load.stop();
    redis.disconnect();
    const accepted = [...burst.accepted, ...load.accepted];
    const refusal = quantile(
      load.latencies.filter(({ status }) => status === 503).map(({ ms }) => ms),
      0.99,
    );
    const note = `${load.refused} refused meanwhile, p99 ${refusal.toFixed(0)} ms; ${waiting} that were accepted before ended in it`;
    await stand.book('Redis out of memory', { accepted }, { recoverySeconds, note });
  });

  it('may evict: nobody is ready, and everybody says why', async () => {
    const redis = new Redis(stand.stack.redis.url);
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const { api, webhooks, workers } = stand.stack;
    for (const service of [api, webhooks, ...workers]) {
      const response = await service.request('/health/ready');
      expect(response.status).toBe(503);
      expect(JSON.stringify(await response.json())).toMatch(/maxmemory-policy is allkeys-lru; it must be noeviction/);
    }
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
    redis.disconnect();
    await api.ready();
  });
});
