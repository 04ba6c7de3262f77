/** What a delivery leaves behind: its log, an endpoint that said 410, and what other receivers notice of a bad one. */
import { createHmac, randomBytes } from 'node:crypto';
import {
  deliveryId,
  endpointFingerprint,
  keyPrefix,
  keys,
  redeliveryEntryId,
  withoutQuery,
  type DeliveryHead,
} from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { newId, secret, startPeers, startReceiver, startWebhooks, succeeded } from './webhooks-harness.js';

const newer = `whsec_${randomBytes(24).toString('base64')}`;
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
    WEBHOOK_SECRET: `${newer} ${secret}`,
    WEBHOOK_TIMEOUT_SECONDS: '3',
    WEBHOOK_SCHEDULE_SECONDS: '0,0.3',
    WEBHOOK_HOST_CONCURRENCY: '50',
  });
});

afterAll(async () => {
  await service.end('SIGKILL');
  await peers.stop();
  receiver.stop();
  await redis.stop();
});

const settled = (id: string) =>
  eventually(async () => {
    const delivery = await peers.logged(id);
    expect(delivery.state).not.toBe('pending');
    return delivery;
  });

describe.concurrent('the log of a delivery', () => {
  it('has the one attempt of a delivery that succeeds, and no secret of the address', async () => {
    const id = newId();
    const before = Date.now();
    await peers.submit(id, receiver.expectAt(id), succeeded());
    const delivery = await settled(id);
    expect(delivery).toMatchObject({
      id: deliveryId(id),
      job_id: id,
      event: 'job.succeeded',
      url: `http://127.0.0.1:${receiver.port}/${id}`,
      state: 'delivered',
      attempts: [{ outcome: 'delivered', status: 204 }],
    });
    expect(delivery.attempts).toHaveLength(1);
    expect(Date.parse(delivery.created_at)).toBeGreaterThanOrEqual(before);
    // As long as the result; and without the message, which can be made of it.
    const record = await peers.redis.hgetall(keys.delivery(deliveryId(id)));
    expect(JSON.stringify(record)).not.toContain('hidden');
    expect(record['message']).toBeUndefined();
    const ttl = await peers.redis.ttl(keys.delivery(deliveryId(id)));
    expect(ttl).toBeGreaterThan(80_000);
    expect(ttl).toBeLessThanOrEqual(86_400);
  });

  it('tells of each failure, when the next attempt comes, and keeps the message of what failed for a week', async () => {
    const id = newId();
    await peers.submit(
      id,
      receiver.expectAt(id, (response) => response.writeHead(500).end()),
      succeeded(),
    );
    const waiting = await eventually(async () => {
      const delivery = await peers.logged(id);
      expect(delivery.attempts).toHaveLength(1);
      return delivery;
    });
    expect(waiting).toMatchObject({ state: 'pending', attempts: [{ outcome: 'http_error', status: 500 }] });
    const wait = Date.parse(waiting.next_attempt_at ?? '') - Date.parse(waiting.attempts[0]?.at ?? '');
    expect(wait).toBeGreaterThanOrEqual(300);
    const failed = await settled(id);
    expect(failed).toMatchObject({ state: 'failed', attempts: [{ status: 500 }, { status: 500, reason: 'HTTP 500' }] });
    expect(failed).not.toHaveProperty('next_attempt_at');
    // What is needed to send it again, though the job is no longer there.
    await peers.store.discard(id);
    expect((await peers.log.peek(deliveryId(id)))?.message?.body).toBe(receiver.at(id)[0]?.raw.toString());
    expect(await peers.redis.ttl(keys.delivery(deliveryId(id)))).toBeGreaterThan(6 * 86_400);
  });

  it('names what bad receivers did', async () => {
    const target = newId();
    const cases = {
      'hangs up half-way through its headers': {
        answer: (response) => {
          response.socket?.write('HTTP/1.1 200 OK\r\nContent-');
          response.socket?.end();
        },
        outcomes: ['connection_failed', 'connection_failed'],
      },
      'answers a byte at a time': {
        answer: (response) => {
          const text = 'HTTP/1.1 200 OK\r\nX-Slow: 1\r\n\r\n';
          let sent = 0;
          const drip = setInterval(() => {
            response.socket?.write(text.charAt(sent++));
          }, 300);
          response.on('close', () => {
            clearInterval(drip);
          });
        },
        outcomes: ['timeout', 'timeout'],
      },
      'hangs up half-way through its body': {
        answer: (response) => {
          response.writeHead(200, { 'content-length': '100' }).write('half');
          setTimeout(() => response.socket?.destroy(), 50);
        },
        outcomes: ['delivered'],
      },
      redirects: {
        answer: (response) => response.writeHead(302, { location: receiver.expectAt(target) }).end(),
        outcomes: ['redirect', 'redirect'],
      },
    } satisfies Record<string, { answer: Parameters<typeof receiver.expectAt>[1]; outcomes: string[] }>;
    await Promise.all(
      Object.entries(cases).map(async ([name, { answer, outcomes }]) => {
        const id = newId();
        await peers.submit(id, receiver.expectAt(id, answer), succeeded());
        expect([name, ...(await settled(id)).attempts.map(({ outcome }) => outcome)]).toEqual([name, ...outcomes]);
      }),
    );
    expect(receiver.at(target)).toHaveLength(0);
  });

  it('is not there for an event that nobody asked for', async () => {
    const id = newId();
    await peers.submit(id, receiver.expectAt(id), succeeded(), ['job.failed']);
    await eventually(async () => {
      expect((await peers.delivery(id)).returnvalue).toEqual({ outcome: 'skipped' });
    });
    expect(await peers.log.peek(deliveryId(id))).toBeUndefined();
  });

  it('keeps a delivery from being sent twice whose process died before the queue knew', async () => {
    const id = newId();
    const url = receiver.expectAt(id);
    const head: DeliveryHead = {
      kind: 'job',
      source: id,
      event: 'job.succeeded',
      url: withoutQuery(url),
      created_at: new Date().toISOString(),
      endpoint: endpointFingerprint(undefined, url),
    };
    await peers.log.note(deliveryId(id), head, { state: 'delivered', now: Date.now(), entry: deliveryId(id) });
    await peers.submit(id, url, succeeded());
    await eventually(async () => {
      expect(await (await peers.delivery(id)).getState()).toBe('completed');
    });
    expect(receiver.at(id)).toHaveLength(0);
  });

  it('goes on when it is sent again: the same id and body, whatever became of the job', async () => {
    const id = newId();
    const url = receiver.expectAt(id, (response, attempt) => response.writeHead(attempt <= 2 ? 500 : 204).end());
    await peers.submit(id, url, succeeded());
    expect((await settled(id)).state).toBe('failed');
    await peers.store.discard(id);
    const was = await peers.log.peek(deliveryId(id));
    const entry = redeliveryEntryId('1');
    expect(was !== undefined && (await peers.log.reopen(deliveryId(id), was, entry, Date.now()))).toBe(true);
    await peers.deliveries.add('deliver', { id, request_id: 'again' }, { jobId: entry });
    expect(await settled(id)).toMatchObject({ state: 'delivered', attempts: [{}, {}, { outcome: 'delivered' }] });
    const [first, , third] = receiver.at(id);
    expect([third?.id, third?.raw.toString()]).toEqual([first?.id, first?.raw.toString()]);
  });
});

describe('while keys are changed', () => {
  it('every message is signed with both', async () => {
    const id = newId();
    await peers.submit(id, receiver.expectAt(id), succeeded());
    await settled(id);
    const [received] = receiver.at(id);
    const signed = `${received?.id ?? ''}.${received?.timestamp ?? ''}.${received?.raw.toString() ?? ''}`;
    const signatures = [newer, secret].map((each) => {
      const key = Buffer.from(each.slice('whsec_'.length), 'base64');
      return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
    });
    expect(received?.headers['webhook-signature']).toBe(signatures.join(' '));
  });
});

describe('an endpoint that says 410', () => {
  it('is sent nothing more, by its owner; another owner of the same address is not concerned', async () => {
    const [gone, later, other] = [newId(), newId(), newId()];
    const url = receiver.expectAt(gone, (response, attempt) => response.writeHead(attempt === 1 ? 410 : 204).end());
    const disabled = await service.metric('quintet_webhook_endpoints_disabled_total');
    await peers.submit(gone, url, succeeded(), undefined, 'ada');
    expect(await settled(gone)).toMatchObject({ state: 'failed', attempts: [{ outcome: 'gone', status: 410 }] });
    await peers.submit(later, url, succeeded(), undefined, 'ada');
    expect(await settled(later)).toMatchObject({ state: 'failed', attempts: [{ outcome: 'disabled' }] });
    expect(receiver.at(gone)).toHaveLength(1);
    // Counted just after the log has it.
    await expect.poll(() => service.metric('quintet_webhook_deliveries_total', { outcome: 'disabled' })).toBe(1);
    expect(await service.metric('quintet_webhook_endpoints_disabled_total')).toBe(disabled + 1);

    await peers.submit(other, url, succeeded(), undefined, 'bob');
    expect((await settled(other)).state).toBe('delivered');

    const names = await peers.redis.keys(`${keyPrefix}:endpoint-disabled:*`);
    expect(names).toEqual([keys.disabledEndpoint(endpointFingerprint('ada', url))]);
    expect(names.join()).not.toMatch(/127|token|ada/);
    expect(await peers.redis.ttl(names[0] ?? '')).toBeGreaterThan(6 * 86_400);
  });
});
