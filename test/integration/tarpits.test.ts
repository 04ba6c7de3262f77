/**
 * Receivers and servers that hold every connection that they get: what bystanders notice of them. In an internet of one machine
 * (fake-internet.ts), where names have addresses of their own.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import type { Job } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { startFakeInternet, type FakeInternet } from '../support/fake-internet.js';
import { send, startPictureServer, type PictureServer } from '../support/picture-server.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually } from '../support/service-process.js';
import { startStack, type Stack } from '../support/stack.js';
import { jobOf } from './api-harness.js';
import { newId, startPeers, startReceiver, startWebhooks, succeeded } from './webhooks-harness.js';

/** Takes connections and never answers. */
interface Tarpit {
  readonly ports: readonly number[];
  /** Connections that there were, and that are over. */
  readonly opened: number;
  readonly closed: number;
  stop(): void;
}

async function startTarpit(ports: number): Promise<Tarpit> {
  const sockets = new Set<{ destroy: () => void }>();
  const count = { opened: 0, closed: 0 };
  const servers: Server[] = Array.from({ length: ports }, () =>
    createServer((socket) => {
      count.opened++;
      sockets.add(socket);
      socket.on('error', () => undefined);
      // Without a reader its end would not be seen.
      socket.resume();
      socket.on('close', () => count.closed++);
    }).listen(0, '127.0.0.1'),
  );
  await Promise.all(servers.map((server) => once(server, 'listening')));
  return {
    ports: servers.map((server) => (server.address() as AddressInfo).port),
    get opened() {
      return count.opened;
    },
    get closed() {
      return count.closed;
    },
    stop: () => {
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Beside the usual: names of the one machine of whoever runs the tarpit, of many machines, and names that are never resolved. */
const names = (name: string) => {
  if (/\.tarpit-?\d*\.test$/.test(name)) return ['93.184.216.66'];
  const wide = /\.wide-(\d+)\.test$/.exec(name)?.[1];
  if (wide !== undefined) return [`93.184.217.${wide}`];
  return name.endsWith('.silent.test') ? ('nothing' as const) : undefined;
};

let redis: RedisServer;
let internet: FakeInternet;
beforeAll(async () => {
  redis = await startRedis();
  internet = await startFakeInternet(names);
});
afterAll(async () => {
  await redis.stop();
  internet.names.stop();
});

let database = 0;

describe('a webhook is delivered while others hang', () => {
  it.each([
    ['at 12 ports of one host', () => 'one.tarpit.test', undefined, 10],
    ['at hosts of one address', (n: number) => `hook.tarpit-${n}.test`, undefined, 75],
    ['at hosts without number, for one client', (n: number) => `hook.wide-${n}.test`, 'greedy', 75],
  ])('%s', async (_what, host, owner, most) => {
    const url = `${redis.url}/${++database}`;
    const [tarpit, receiver, peers] = [await startTarpit(12), await startReceiver(), startPeers(url)];
    const service = await startWebhooks(url, { WEBHOOK_TIMEOUT_SECONDS: '60', ...internet.env });
    try {
      const many = Array.from({ length: 156 }, newId);
      await Promise.all(
        many.map((id, n) =>
          peers.submit(id, `http://${host(n)}:${tarpit.ports[n % 12]}/`, succeeded(), undefined, owner),
        ),
      );
      await eventually(() => {
        expect(tarpit.opened).toBeGreaterThanOrEqual(most);
      });
      const id = newId();
      const hook = receiver.expectAt(id).replace('127.0.0.1', 'hook.public.test');
      await peers.submit(id, hook, succeeded(), undefined, owner === undefined ? undefined : 'bystander');
      await eventually(() => {
        expect(receiver.at(id)).toHaveLength(1);
      });
      expect([tarpit.opened, tarpit.closed]).toEqual([most, 0]);
      // Who waits has lost nothing by it.
      for (const each of many) expect((await peers.delivery(each)).attemptsMade).toBe(0);
      await eventually(async () => {
        expect(await service.metric('quintet_webhook_host_delays_total')).toBeGreaterThanOrEqual(many.length - most);
      });
      const [waiting] = await peers.deliveries.getDelayed(0, 0);
      const put = waiting?.id?.replace(/^msg_/, '') ?? '';
      expect(await peers.logged(put)).toMatchObject({ state: 'pending', attempts: [] });
    } finally {
      tarpit.stop();
      await service.end('SIGKILL');
      await peers.stop();
      receiver.stop();
    }
  });

  it('and those that waited are sent as soon as there is room', async () => {
    const url = `${redis.url}/${++database}`;
    const [receiver, peers] = [await startReceiver(), startPeers(url)];
    const service = await startWebhooks(url, { WEBHOOK_TIMEOUT_SECONDS: '60', ...internet.env });
    const held: (() => void)[] = [];
    const ids = Array.from({ length: 30 }, newId);
    const arrived = (): number => ids.filter((id) => receiver.at(id).length > 0).length;
    for (const id of ids) {
      const hook = receiver.expectAt(id, (response) => held.push(() => response.writeHead(204).end()));
      await peers.submit(id, hook.replace('127.0.0.1', 'hook.public.test'), succeeded());
    }
    await eventually(async () => {
      expect(await peers.deliveries.getDelayedCount()).toBe(20);
    });
    const waited = await Promise.all(ids.map((id) => peers.delivery(id)));
    const due = Math.min(
      ...waited.filter(({ delay }) => delay > 0).map(({ delay, processedOn = 0 }) => processedOn + delay),
    );
    for (const [round, expected] of [20, 30].entries()) {
      for (const release of held.splice(0)) release();
      await eventually(() => {
        expect(arrived(), `after round ${round}`).toBe(expected);
      });
    }
    const [last] = (await Promise.all(ids.map((id) => peers.delivery(id))))
      .map((job) => job.processedOn ?? 0)
      .sort((a, b) => b - a);
    expect(last).toBeLessThan(due);
    await service.end('SIGKILL');
    await peers.stop();
    receiver.stop();
  });
});

describe('a picture is fetched while others hang', () => {
  let stack: Stack;
  let pictures: PictureServer;
  beforeAll(async () => {
    pictures = await startPictureServer();
    stack = await startStack({ env: { FETCH_TIMEOUT_SECONDS: '60', ...internet.env } });
  });
  afterAll(async () => {
    await stack.stop();
    await pictures.stop();
  });

  const post = (image_url: string, prefer: string): Promise<Response> =>
    fetch(`${stack.url}/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer },
      body: JSON.stringify({ image_url }),
    });

  it.each([
    ['at one host', () => 'one.tarpit.test', 10],
    ['at hosts of one domain', (n: number) => `${n}.tarpit.test`, 12],
    ['as names of one domain that nobody resolves', (n: number) => `${n}.silent.test`, 0],
  ])('%s', async (_what, host, most) => {
    const tarpit = await startTarpit(2);
    const jobs: Job[] = [];
    for (let n = 0; n < 100; n++) {
      jobs.push(await jobOf(await post(`http://${host(n)}:${tarpit.ports[n % 2]}/${n}.jpg`, 'respond-async')));
    }
    await eventually(() => {
      expect(tarpit.opened).toBeGreaterThanOrEqual(most);
    });
    const photo = await makeImage({ format: 'jpeg', width: 320, height: 240 });
    const quick = await jobOf(await post(pictures.at(send(photo), 'cdn.public.test'), 'wait=30'));
    expect(quick.status).toBe('succeeded');
    expect([tarpit.opened, tarpit.closed]).toEqual([most, 0]);
    await Promise.all(jobs.map(({ id }) => fetch(`${stack.url}/v1/jobs/${id}`, { method: 'DELETE' })));
    tarpit.stop();
  });
});
