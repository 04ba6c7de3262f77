/** A full disk, under Redis and under the log: every service says so, none ends, and what was accepted ends when there is room. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { freePort } from '../support/redis-server.js';
import { eventually } from '../support/service-process.js';
import { startStack, type Stack } from '../support/stack.js';
import { jobOf, problemOf } from './api-harness.js';

let directory: string;
let stack: Stack;
let redis: Redis;
let image: Buffer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quintet-disk-'));
  stack = await startStack({ redisArgs: ['--dir', directory, '--save', '3600', '1'] });
  redis = new Redis(stack.redis.url);
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
});
afterAll(async () => {
  redis.disconnect();
  await stack.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Whether Redis can save. A folder in the place of its snapshot stops it as a full disk does, also where it is root's. */
async function disk(state: 'full' | 'free'): Promise<void> {
  const snapshot = join(directory, 'dump.rdb');
  if (state === 'full') await mkdir(snapshot);
  else await rmdir(snapshot);
  await redis.bgsave();
  await eventually(async () => {
    const info = await redis.info('persistence');
    expect(info).toContain(`rdb_last_bgsave_status:${state === 'full' ? 'err' : 'ok'}\r`);
    expect(info).toContain('rdb_bgsave_in_progress:0\r');
  });
}

const submit = (): Promise<Response> =>
  stack.api.request('/v1/jobs', {
    method: 'POST',
    body: new Uint8Array(image),
    headers: { 'Content-Type': 'image/jpeg' },
  });

describe('Redis whose disk is full', () => {
  it('makes every service unready, and ends none; what was accepted ends when there is room again', async () => {
    const services = [stack.api, stack.webhooks, ...stack.workers];
    const accepted = await Promise.all(Array.from({ length: 20 }, async () => jobOf(await submit())));
    await disk('full');
    const refused = await submit();
    expect([refused.status, (await problemOf(refused)).code]).toEqual([503, 'redis_unavailable']);
    for (const service of services) {
      const ready = await service.request('/health/ready');
      expect([ready.status, await ready.json()]).toEqual([
        503,
        { status: 'not_ready', reasons: [expect.stringMatching(/^Redis is unfit: it takes no writes: MISCONF /)] },
      ]);
      expect((await service.request('/health/live')).status).toBe(200);
    }
    await disk('free');
    for (const service of services) await service.ready();
    for (const { links } of [...accepted, await jobOf(await submit())]) {
      await eventually(async () => {
        expect((await jobOf(await stack.api.request(links.self))).status).toBe('succeeded');
      });
    }
    for (const { process } of services) expect([process.exitCode, process.signalCode]).toEqual([null, null]);
  });
});

describe('a log whose disk is full', () => {
  it.skipIf(!existsSync('/dev/full'))('ends no service, nor keeps one from ending', async () => {
    const full = await open('/dev/full', 'w');
    const port = await freePort();
    const main = fileURLToPath(new URL('../../services/webhooks/dist/main.js', import.meta.url));
    const service = spawn(process.execPath, [main], {
      env: { REDIS_URL: stack.redis.url, HOST: '127.0.0.1', METRICS_PORT: String(port) },
      stdio: ['ignore', full.fd, 'inherit'],
    });
    try {
      await eventually(async () => {
        expect((await fetch(`http://127.0.0.1:${port}/health/ready`)).status).toBe(200);
      });
      const ended = once(service, 'exit');
      service.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    } finally {
      service.kill('SIGKILL');
      await full.close();
    }
  });
});
