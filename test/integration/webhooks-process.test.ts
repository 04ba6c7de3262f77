/** The webhook service as a process: killed, stopped, without a secret, and asked to call private addresses. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { newId, startPeers, startReceiver, startWebhooks, succeeded, type Answer } from './webhooks-harness.js';

let redis: RedisServer;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
const services: ServiceProcess[] = [];
const allPeers: ReturnType<typeof startPeers>[] = [];
let database = 0;

beforeAll(async () => {
  redis = await startRedis();
  receiver = await startReceiver();
});

afterAll(async () => {
  for (const service of services) await service.end('SIGKILL');
  for (const peers of allPeers) await peers.stop();
  receiver.stop();
  await redis.stop();
});

/** A queue of the test's own. */
function workplace() {
  const url = `${redis.url}/${++database}`;
  const peers = startPeers(url);
  allPeers.push(peers);
  const start = async (environment: Record<string, string> = {}): Promise<ServiceProcess> => {
    const service = await startWebhooks(url, { ALLOW_PRIVATE_HOSTS: 'true', ...environment });
    services.push(service);
    return service;
  };
  return { peers, start };
}

/** Holds the first request until it is released; answers later ones at once. */
function holdFirst() {
  let held: (() => void) | undefined;
  const answer: Answer = (response, attempt) => {
    const reply = (): void => void response.writeHead(204).end();
    if (attempt === 1) held = reply;
    else reply();
  };
  return { answer, release: () => held?.() };
}

describe.concurrent('the webhook service', () => {
  it('loses no delivery when it is killed in the middle: another process sends it under the same id', async () => {
    const { peers, start } = workplace();
    const id = newId();
    const first = await start();
    await peers.submit(id, receiver.expectAt(id, holdFirst().answer), succeeded());
    await eventually(() => {
      expect(receiver.at(id)).toHaveLength(1);
    });
    expect(await first.end('SIGKILL')).toBe('SIGKILL');
    await start();
    await eventually(() => {
      expect(receiver.at(id)).toHaveLength(2);
    });
    expect(new Set(receiver.at(id).map((received) => received.id))).toEqual(new Set([`msg_${id}`]));
    await eventually(async () => {
      expect(await peers.logged(id)).toMatchObject({ state: 'delivered', attempts: [{ outcome: 'delivered' }] });
    });
  });

  it('finishes the attempt under way on SIGTERM, takes no other, and exits 0', async () => {
    const { peers, start } = workplace();
    const [id, late] = [newId(), newId()];
    const { answer, release } = holdFirst();
    const service = await start();
    await peers.submit(id, receiver.expectAt(id, answer), succeeded());
    await eventually(() => {
      expect(receiver.at(id)).toHaveLength(1);
    });
    const ended = service.end('SIGTERM');
    await eventually(async () => {
      expect((await service.request('/health/ready')).status).toBe(503);
    });
    await peers.submit(late, receiver.expectAt(late), succeeded());
    release();
    expect(await ended).toBe(0);
    expect(await (await peers.delivery(id)).getState()).toBe('completed');
    expect(receiver.at(late)).toHaveLength(0);
    expect(await (await peers.delivery(late)).getState()).not.toBe('active');
  });

  it('hands back on SIGTERM what does not end in time', async () => {
    const { peers, start } = workplace();
    const id = newId();
    const service = await start({ SHUTDOWN_SECONDS: '1' });
    await peers.submit(id, receiver.expectAt(id, holdFirst().answer), succeeded());
    await eventually(() => {
      expect(receiver.at(id)).toHaveLength(1);
    });
    expect(await service.end('SIGTERM')).toBe(0);
    const delivery = await peers.delivery(id);
    expect([await delivery.getState(), delivery.attemptsMade]).toEqual(['waiting', 0]);
    await start();
    await eventually(() => {
      expect(receiver.at(id)).toHaveLength(2);
    });
  });

  it('is not ready without Redis, and still stops when asked', async () => {
    const service = await startWebhooks('redis://127.0.0.1:1');
    services.push(service);
    expect((await service.request('/health/live')).status).toBe(200);
    expect((await service.request('/health/ready')).status).toBe(503);
    expect(await service.end('SIGTERM')).toBe(0);
  });

  it('waits for the first delay of its schedule', async () => {
    const { peers, start } = workplace();
    const id = newId();
    await start({ WEBHOOK_SCHEDULE_SECONDS: '1.5' });
    const outcome = succeeded();
    await peers.submit(id, receiver.expectAt(id), outcome);
    await eventually(async () => {
      expect(await (await peers.delivery(id)).getState()).toBe('delayed');
    });
    expect(receiver.at(id)).toHaveLength(0);
    const delivery = await eventually(async () => {
      const job = await peers.delivery(id);
      expect(await job.getState()).toBe('completed');
      return job;
    });
    expect(delivery.processedOn).toBeGreaterThanOrEqual(Date.parse(outcome.finished_at) + 1500);
    expect(receiver.at(id)).toHaveLength(1);
  });

  it('never calls a private address unless it is allowed', async () => {
    const { peers, start } = workplace();
    const service = await start({ ALLOW_PRIVATE_HOSTS: 'false' });
    const ids = ['127.0.0.1', '2130706433', 'localhost', '[::ffff:7f00:1]'].map((host) => ({ host, id: newId() }));
    for (const { host, id } of ids) {
      await peers.submit(id, receiver.expectAt(id).replace('127.0.0.1', host), succeeded());
    }
    for (const { id } of ids) {
      await eventually(async () => {
        expect(await (await peers.delivery(id)).getState()).toBe('failed');
      });
      expect((await peers.delivery(id)).attemptsMade).toBe(1);
      expect(receiver.at(id)).toHaveLength(0);
    }
    await eventually(async () => {
      expect(await service.metric('quintet_webhook_deliveries_total', { outcome: 'refused' })).toBe(ids.length);
    });
  });

  it('without a secret stays up and leaves deliveries to a process that has one', async () => {
    const { peers, start } = workplace();
    const id = newId();
    const mute = await start({ WEBHOOK_SECRET: '' });
    await mute.ready();
    const warnings = mute.lines.filter((line) => line['level'] === 'warn').map((line) => String(line['message']));
    expect(warnings.join()).toContain('WEBHOOK_SECRET is not set');
    await peers.submit(id, receiver.expectAt(id), succeeded());
    await eventually(async () => {
      expect(await (await peers.delivery(id)).getState()).toBe('waiting');
    });
    await start();
    await eventually(() => {
      expect(receiver.at(id)).toHaveLength(1);
    });
  });
});
