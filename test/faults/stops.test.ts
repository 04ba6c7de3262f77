/**
 * Processes that are told to end at a bad moment: just after Redis came back, twice, in the middle of a run of the model, while
 * they start. None of them hangs, and none is aborted by what it interrupts. `npm test -- faults/stops` does sixty rounds of each.
 */
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { full } from '../support/full.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { startService, type ServiceName, type ServiceProcess } from '../support/service-process.js';
import { stackWebhookSecret } from '../support/stack.js';
import { testModelEnvironment } from '../support/test-model.js';
import { bookStops, endOf, inGroups, startBusyBench, type BusyBench, type End } from './support/stops.js';

const clean = { aborts: 0, hangs: 0 };
const rounds = (few: number): number => (full ? 60 : few);
/** Processes at once: more would only wait for each other. */
const together = 2;

describe('SIGTERM after Redis was away', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  const started: ServiceProcess[] = [];
  afterAll(async () => {
    await Promise.all(started.map((service) => service.end('SIGKILL')));
    await redis.stop();
  });

  const start = async (service: ServiceName): Promise<ServiceProcess> => {
    const running = await startService(service, {
      ...testModelEnvironment,
      REDIS_URL: redis.url,
      WEBHOOK_SECRET: stackWebhookSecret,
      SHUTDOWN_SECONDS: '5',
    });
    started.push(running);
    await running.ready();
    return running;
  };

  // Long enough that a connection tries again once a second only: it is still waiting to, when Redis is back.
  const awayMs = 2000;
  const services: readonly ServiceName[] = ['worker', 'webhooks', 'api'];

  it('ends every service with 0, at whatever moment of the second in which they connect again', async () => {
    const each = rounds(2);
    const ends: { service: ServiceName; end: End }[] = [];
    for (let first = 0; first < each; first += together) {
      const turns = services.flatMap((service) =>
        Array.from({ length: together }, (_, index) => ({ service, part: (first + index + 0.5) / each })),
      );
      // In full over all of the second; else where it used to hurt.
      const moment = (part: number): number => (full ? 1000 * part : 350 + 300 * part);
      const running = await inGroups(turns.length, together, (turn) => start(turns[turn]?.service ?? 'api'));
      await redis.kill();
      await delay(awayMs);
      await redis.start();
      const stop = async ({ service, part }: (typeof turns)[number], index: number) => {
        await delay(moment(part));
        return { service, end: await endOf(running[index] as ServiceProcess) };
      };
      ends.push(...(await Promise.all(turns.map(stop))));
    }
    for (const name of services) {
      const own = ends.filter(({ service }) => service === name).map(({ end }) => end);
      expect(bookStops(`${name}, Redis just back`, own), name).toEqual(clean);
      expect(new Set(own.map(({ how }) => how)), name).toEqual(new Set([0]));
    }
  });
});

/** What the worker hangs on that has test/support/hang-on-picture.mjs. A JPEG: for others a thread to decode them has to start first. */
const magenta = sharp({ create: { width: 320, height: 240, channels: 3, background: '#f0f' } })
  .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
  .toBuffer();

describe('a worker in the middle of a run', () => {
  let bench: BusyBench;
  beforeAll(async () => {
    bench = await startBusyBench();
  });
  afterAll(() => bench.stop());
  const hook = (name: string): string => `--import ${new URL(`../support/${name}.mjs`, import.meta.url).href}`;

  it('ends at once on a second signal, by that signal', async () => {
    const ends = await inGroups(rounds(2), together, async () => {
      const worker = await bench.startBusy();
      const ended = endOf(worker);
      await worker.logged('draining');
      worker.process.kill('SIGTERM');
      return ended;
    });
    expect(bookStops('worker, second signal', ends)).toEqual(clean);
    expect(new Set(ends.map(({ how }) => how))).toEqual(new Set(['SIGTERM']));
  });

  it('ends at once on an error that nobody caught, and says so', async () => {
    const ends = await inGroups(rounds(2), together, async () => {
      const worker = await bench.startBusy({ NODE_OPTIONS: hook('throw-on-signal') });
      return endOf(worker, 'SIGUSR2');
    });
    expect(bookStops('worker, uncaught error', ends)).toEqual(clean);
    for (const { how, said } of ends) {
      expect(how).toBe('SIGKILL');
      expect(said.at(-1)).toBe('uncaught error');
    }
  });

  it('ends on a signal while it starts', async () => {
    const most = rounds(2);
    const ends = await inGroups(most, together, async (number) => {
      const worker = await bench.start();
      await delay((1500 * (number + 0.5)) / most);
      return endOf(worker);
    });
    expect(bookStops('worker, while it starts', ends)).toEqual(clean);
    for (const { how } of ends) expect([0, 'SIGTERM']).toContain(how);
  });

  it('ends when the time for stopping is over, although a thread of it never does', async () => {
    const env = { NODE_OPTIONS: hook('hang-on-picture'), HANG_IN: 'native', SHUTDOWN_SECONDS: '1' };
    await bench.clear();
    const worker = await bench.startBusy(env, await magenta);
    const { how, said } = await endOf(worker);
    expect(how).toBe('SIGKILL');
    expect(said.at(-1)).toBe('shutdown took too long; exiting');
  });
});
