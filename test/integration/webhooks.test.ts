/** Deliveries as a receiver sees them: real Redis, the compiled service, a plain HTTP server that checks signatures. */
import { problem } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { newId, secret, startPeers, startReceiver, startWebhooks, succeeded } from './webhooks-harness.js';

let redis: RedisServer;
let service: ServiceProcess;
let peers: ReturnType<typeof startPeers>;
let receiver: Awaited<ReturnType<typeof startReceiver>>;

beforeAll(async () => {
  redis = await startRedis();
  receiver = await startReceiver();
  peers = startPeers(redis.url);
  service = await startWebhooks(redis.url, {
    ALLOW_PRIVATE_HOSTS: 'true',
    // Long enough for a receiver of this process on a busy machine.
    WEBHOOK_TIMEOUT_SECONDS: '3',
    WEBHOOK_SCHEDULE_SECONDS: '0,1.1,0.1',
  });
});

afterAll(async () => {
  await service.end('SIGKILL');
  await peers.stop();
  receiver.stop();
  await redis.stop();
});

describe.concurrent('a webhook', () => {
  it('is delivered once, signed, and leaves a trail without secrets', async () => {
    const id = newId();
    await peers.submit(id, receiver.expectAt(id), succeeded());
    await eventually(async () => {
      expect(await (await peers.delivery(id)).getState()).toBe('completed');
    });
    const arrived = receiver.at(id);
    expect(arrived).toHaveLength(1);
    expect(arrived[0]?.headers['user-agent']).toMatch(/^Quintet-Webhooks\/\d/);
    expect(arrived[0]).toMatchObject({
      id: `msg_${id}`,
      headers: { 'content-type': 'application/json' },
      body: { type: 'job.succeeded', data: { id, status: 'succeeded', predictions: [{ index: 207 }] } },
    });
    await eventually(() => {
      expect(service.lines).toContainEqual(
        expect.objectContaining({
          message: 'delivery ended',
          outcome: 'delivered',
          job_id: id,
          request_id: `req-${id}`,
          host: `127.0.0.1:${receiver.port}`,
        }),
      );
    });
    await expect
      .poll(() => service.metric('quintet_webhook_deliveries_total', { outcome: 'delivered' }))
      .toBeGreaterThan(0);
    const log = JSON.stringify(service.lines);
    expect(log).not.toContain(secret.slice('whsec_'.length));
    expect(log).not.toContain('token=hidden');
  });

  it('is sent again after a failure, under the same id and with a fresh timestamp', async () => {
    const id = newId();
    const url = receiver.expectAt(id, (response, attempt) => response.writeHead(attempt === 1 ? 500 : 200).end());
    await peers.submit(id, url, succeeded());
    // Retries go on for days; the job's record may be gone by then.
    await eventually(async () => {
      expect(await (await peers.delivery(id)).getState()).toBe('delayed');
    });
    await peers.store.discard(id);
    const [first, second] = await eventually(() => {
      expect(receiver.at(id)).toHaveLength(2);
      return receiver.at(id);
    });
    expect(second?.id).toBe(first?.id);
    expect(second?.body).toEqual(first?.body);
    expect(second?.timestamp).toBeGreaterThan(first?.timestamp ?? Infinity);
  });

  it('to a receiver that hangs delays no other, and is given up when the schedule ends', async () => {
    const id = newId();
    let open = 0;
    const url = receiver.expectAt(id, (response) => {
      open++;
      response.on('close', () => open--);
    });
    await peers.submit(id, url, succeeded());
    await eventually(() => {
      expect(open).toBe(1);
    });
    const others = Array.from({ length: 10 }, newId);
    await Promise.all(others.map((other) => peers.submit(other, receiver.expectAt(other), succeeded())));
    await eventually(() => {
      for (const other of others) expect(receiver.at(other)).toHaveLength(1);
    });
    expect(open).toBe(1);
    expect(receiver.at(id)).toHaveLength(1);
    await eventually(async () => {
      expect(await (await peers.delivery(id)).getState()).toBe('failed');
    });
    expect(receiver.at(id)).toHaveLength(3);
    await eventually(() => {
      expect(service.lines).toContainEqual(
        expect.objectContaining({ message: 'delivery ended', outcome: 'exhausted', job_id: id }),
      );
    });
  });

  it('is not carried along a redirect', async () => {
    const id = newId();
    const target = newId();
    const url = receiver.expectAt(id, (response) =>
      response.writeHead(307, { location: receiver.expectAt(target) }).end(),
    );
    await peers.submit(id, url, succeeded());
    await eventually(async () => {
      expect(await (await peers.delivery(id)).getState()).toBe('failed');
    });
    expect(receiver.at(id)).toHaveLength(3);
    expect(receiver.at(target)).toHaveLength(0);
  });

  it('is not sent again to a receiver that says 410', async () => {
    const id = newId();
    await peers.submit(
      id,
      receiver.expectAt(id, (response) => response.writeHead(410).end()),
      succeeded(),
    );
    await eventually(async () => {
      expect(await (await peers.delivery(id)).getState()).toBe('failed');
    });
    expect(receiver.at(id)).toHaveLength(1);
    await expect.poll(() => service.metric('quintet_webhook_deliveries_total', { outcome: 'gone' })).toBe(1);
  });

  it('tells of a job that failed', async () => {
    const id = newId();
    const error = problem('image_undecodable', 'The image cannot be read.');
    await peers.submit(id, receiver.expectAt(id), {
      status: 'failed',
      finished_at: new Date().toISOString(),
      error,
    });
    await eventually(() => {
      expect(receiver.at(id)).toHaveLength(1);
    });
    expect(receiver.at(id)[0]?.body).toMatchObject({ type: 'job.failed', data: { status: 'failed', error } });
  });

  it('tells of a job whose workers died, and ends it', async () => {
    const id = newId();
    await peers.submit(id, receiver.expectAt(id), undefined);
    await eventually(() => {
      expect(receiver.at(id)).toHaveLength(1);
    });
    expect(receiver.at(id)[0]?.body).toMatchObject({ type: 'job.failed', data: { error: { code: 'worker_lost' } } });
    expect((await peers.store.read(id))?.outcome).toMatchObject({ status: 'failed', error: { code: 'worker_lost' } });
  });

  it('is skipped for an event that nobody asked for', async () => {
    const id = newId();
    await peers.submit(id, receiver.expectAt(id), succeeded(), ['job.failed']);
    await eventually(async () => {
      expect((await peers.delivery(id)).returnvalue).toEqual({ outcome: 'skipped' });
    });
    expect(receiver.at(id)).toHaveLength(0);
  });

  it('is dropped, with a warning, for a job that is no longer kept', async () => {
    const id = newId();
    await peers.submit(id, receiver.expectAt(id), 'forgotten');
    await eventually(async () => {
      expect((await peers.delivery(id)).returnvalue).toEqual({ outcome: 'dropped' });
    });
    await eventually(() => {
      expect(service.lines).toContainEqual(expect.objectContaining({ level: 'warn', job_id: id }));
    });
    expect(receiver.at(id)).toHaveLength(0);
  });
});

describe('when Redis restarts', () => {
  it('the service says so, ends what was under way, and goes on', async () => {
    const [under, after] = [newId(), newId()];
    let release = (): void => undefined;
    const url = receiver.expectAt(under, (response) => {
      release = () => void response.writeHead(204).end();
    });
    await peers.submit(under, url, succeeded());
    await eventually(() => {
      expect(receiver.at(under)).toHaveLength(1);
    });
    await redis.kill();
    release();
    await eventually(async () => {
      expect((await service.request('/health/ready')).status).toBe(503);
    });
    await redis.start();
    await eventually(async () => {
      expect((await service.request('/health/ready')).status).toBe(200);
      expect(await (await peers.delivery(under)).getState()).toBe('completed');
    });
    expect(receiver.at(under)).toHaveLength(1);
    await peers.submit(after, receiver.expectAt(after), succeeded());
    await eventually(() => {
      expect(receiver.at(after)).toHaveLength(1);
    });
  });
});
