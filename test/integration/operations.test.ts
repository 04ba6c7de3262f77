/** GET /v1/operations of real services: what ended, how long it took, who works, what waits. */
import {
  keys,
  latencyError,
  latencyPhases,
  operationsSchema,
  Redis,
  type Job,
  type LatencyPhase,
  type Operations,
} from '@quintet/shared';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import type { Operations as ClientOperations } from '@quintet/client';
import { startStack, type Stack } from '../support/stack.js';
import { testModel } from '../support/test-model.js';
import { jobOf, problemOf } from './api-harness.js';

/** Unreached by what these tests submit, and told. */
const maxDepth = 50;

let stack: Stack;
let other: ServiceProcess;
let redis: Redis;
let image: Buffer;

beforeAll(async () => {
  stack = await startStack({
    workers: 2,
    env: { MAX_QUEUE_DEPTH: String(maxDepth) },
    redisArgs: ['--maxmemory', '1gb'],
  });
  other = await stack.addApi();
  redis = new Redis(stack.redis.url);
  redis.on('error', () => undefined);
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
  image = await sharp({ create: { width: 640, height: 480, channels: 3, background: '#888', noise } })
    .jpeg()
    .toBuffer();
});
afterAll(async () => {
  redis.disconnect();
  await stack.stop();
});

async function submit(body: Buffer, query = '', headers: Record<string, string> = {}): Promise<Job> {
  const init = { method: 'POST', body: new Uint8Array(body), headers: { 'Content-Type': 'image/jpeg', ...headers } };
  return jobOf(await stack.api.request(`/v1/jobs${query}`, init));
}
const finished = { Prefer: 'wait=30' };

/** Strict: what is answered is what the contract says, no more. */
async function operations(of = stack.api): Promise<Operations> {
  const response = await of.request('/v1/operations');
  expect(response.status).toBe(200);
  expect(response.headers.get('cache-control')).toBe('no-store');
  return operationsSchema.strict().parse(await response.json());
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** By nearest rank, of all. */
function percentile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.max(1, Math.ceil(values.length * part)) - 1] ?? NaN;
}

describe('GET /v1/operations', () => {
  it('tells of a service that has nothing to do', async () => {
    const idle = await operations();
    const none = { succeeded: 0, failed: 0, canceled: 0, expired: 0 };
    expect(idle).toMatchObject({ window_seconds: 60, latency_ms: {}, webhooks: { pending: 0, failed: 0 } });
    expect(idle.throughput).toMatchObject({ per_second: 0, ...none });
    expect(idle.throughput.history).toHaveLength(12);
    const steps = idle.throughput.history.map(({ at }) => (Date.parse(idle.at) - Date.parse(at)) / 1000);
    expect(steps).toEqual([60, 55, 50, 45, 40, 35, 30, 25, 20, 15, 10, 5]);
    const by_model = [{ model: testModel, waiting: 0, active: 0 }];
    expect(idle.queue).toEqual({ depth: 0, max_depth: maxDepth, eta_seconds: 0, by_model });
    expect(idle.redis.limit_bytes).toBe(2 ** 30);
    expect(idle.redis.used_bytes).toBeGreaterThan(100_000);
    // What the page is written for.
    expect(idle satisfies ClientOperations).toBeDefined();
  });

  it('has the percentiles of the jobs of all workers together, the same from every API process', async () => {
    const jobs = await Promise.all(Array.from({ length: 40 }, () => submit(image, '', finished)));
    expect(new Set(jobs.map(({ status }) => status))).toEqual(new Set(['succeeded']));
    expect(new Set(jobs.map(({ worker }) => worker))).toEqual(new Set(['worker-1', 'worker-2']));
    for (const api of [stack.api, other]) {
      const { throughput, latency_ms } = await eventually(async () => {
        const now = await operations(api);
        expect(now.throughput.succeeded).toBe(jobs.length);
        return now;
      });
      expect(throughput.per_second).toBeCloseTo(jobs.length / 60, 2);
      expect(sum(throughput.history.map(({ succeeded }) => succeeded))).toBe(jobs.length);
      for (const phase of latencyPhases) expectPercentiles(latency_ms, phase, jobs);
    }
  });

  it('tells what each worker is, how busy it is, and no more of one that died', async () => {
    const { workers } = await operations();
    expect(workers.map(({ id }) => id).sort()).toEqual(['worker-1', 'worker-2']);
    for (const worker of workers) {
      expect(worker).toMatchObject({ model: { name: testModel }, device: 'cpu' });
      expect(worker.memory_bytes).toBeGreaterThan(50e6);
      expect(worker.streams).toBeGreaterThan(0);
    }
    // Its heartbeat says so some seconds later.
    await eventually(async () => {
      expect(sum((await operations()).workers.map(({ load = 0 }) => load))).toBeGreaterThan(0);
    });
    await stack.workers[1]?.kill();
    // As if the time had passed after which a silent worker is given up; one that lives would say that it does.
    await redis.pexpire(keys.worker('worker-2'), 1);
    await eventually(async () => {
      expect((await operations()).workers.map(({ id }) => id)).toEqual(['worker-1']);
    });
  });

  it('counts what fails, is canceled and expires, and shows what waits and for how long', async () => {
    const png = await sharp(image).png().toBuffer();
    expect((await submit(png.fill(0x11, 1000, 5000), '', finished)).status).toBe('failed');
    const hook = encodeURIComponent(`http://127.0.0.1:${await freePort()}/`);
    expect((await submit(image, `?webhook_url=${hook}`, finished)).status).toBe('succeeded');
    await eventually(async () => {
      expect((await operations()).webhooks).toEqual({ pending: 1, failed: 0 });
    });
    await stack.workers[0]?.kill();
    const [canceled, waiting] = [await submit(image), await submit(image)];
    await eventually(async () => {
      expect((await operations()).queue).toMatchObject({ depth: 2 });
    });
    expect((await stack.api.request(canceled.links.self, { method: 'DELETE' })).status).toBe(200);
    expect((await submit(image, '?ttl_seconds=0.2', finished)).status).toBe('expired');
    await redis.pexpire(keys.worker('worker-1'), 1);
    const last = await eventually(async () => {
      const now = await operations();
      expect(now.throughput).toMatchObject({ succeeded: 41, failed: 1, canceled: 1, expired: 1 });
      expect(now.workers).toEqual([]);
      return now;
    });
    expect(sum(last.throughput.history.map(({ failed }) => failed))).toBe(1);
    expect(last.queue).toEqual({
      depth: 1,
      max_depth: maxDepth,
      by_model: [{ model: testModel, waiting: 1, active: 0 }],
    });
    expect(waiting.status).toBe('queued');
  });

  it('is asked for as everything else', async () => {
    const wrong = await stack.api.request('/v1/operations', { method: 'POST' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    const text = await stack.api.request('/v1/operations', { headers: { Accept: 'text/csv' } });
    expect((await problemOf(text)).code).toBe('not_acceptable');
  });

  it('says that Redis is away, and goes on when it is back', async () => {
    await stack.webhooks.end();
    await stack.redis.kill();
    await eventually(async () => {
      const response = await stack.api.request('/v1/operations');
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '2']);
      expect((await problemOf(response)).code).toBe('redis_unavailable');
    });
    await stack.redis.start();
    await eventually(operations);
  });
});

function expectPercentiles(latency: Operations['latency_ms'], phase: LatencyPhase, jobs: readonly Job[]): void {
  const own = jobs.map(({ timing_ms }) => timing_ms?.[phase] ?? NaN);
  for (const [name, part] of [
    ['p50', 0.5],
    ['p90', 0.9],
    ['p99', 0.99],
  ] as const) {
    const exact = percentile(own, part);
    const told = latency[phase]?.[name] ?? NaN;
    expect(Math.abs(told - exact), `${phase} ${name}: ${told} of ${exact}`).toBeLessThan(exact * latencyError);
  }
}
