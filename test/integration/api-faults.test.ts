/** The API when Redis goes and comes back, and when it is told to stop itself. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { Redis } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually } from '../support/service-process.js';
import { jobOf, problemOf, rawExchange, startApi, startReadyApi, startWorker } from './api-harness.js';

const raw = { 'Content-Type': 'image/jpeg' };

let server: RedisServer;
let image: Buffer;

beforeAll(async () => {
  server = await startRedis();
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
});

afterAll(async () => {
  await server.stop();
});

describe('without Redis', () => {
  it('says so at once, stays alive, and works again when it is back', async () => {
    const own = await startRedis();
    const service = await startReadyApi(own.url);
    const submit = () =>
      service.request('/v1/jobs', {
        method: 'POST',
        body: new Uint8Array(image),
        headers: { ...raw, Prefer: 'wait=5' },
      });
    let worker = await startWorker(own);
    const first = await jobOf(await submit());
    expect(first.status).toBe('succeeded');
    const pending = service.request(`/v1/jobs/${first.id}`);
    expect((await pending).status).toBe(200);
    await worker.close();
    await own.kill();
    // Who serves what may be a second old, and then answers without Redis.
    await eventually(async () => {
      expect((await service.request('/v1/models')).status).toBe(503);
    });
    for (const ask of [submit, () => service.request(`/v1/jobs/${first.id}`), () => service.request('/v1/models')]) {
      const response = await ask();
      expect([response.status, (await problemOf(response)).code]).toEqual([503, 'redis_unavailable']);
      expect(response.headers.get('retry-after')).toBe('2');
    }
    expect((await service.request('/health/live')).status).toBe(200);
    expect((await service.request('/health/ready')).status).toBe(503);
    expect((await service.request('/metrics')).status).toBe(200);

    await own.start();
    worker = await startWorker(own);
    await eventually(async () => {
      expect((await service.request('/health/ready')).status).toBe(200);
    });
    // What was acknowledged is still there, and waiting works: the subscription is back too.
    expect(await jobOf(await service.request(`/v1/jobs/${first.id}`))).toEqual(first);
    expect((await jobOf(await submit())).status).toBe('succeeded');
    await worker.close();
    expect(await service.end()).toBe(0);
    await own.stop();
  });

  it('gives the id of an accepted job to a client that waits when Redis goes', async () => {
    const own = await startRedis();
    const service = await startReadyApi(own.url);
    const waiting = service.request('/v1/jobs', {
      method: 'POST',
      body: new Uint8Array(image),
      headers: { ...raw, Prefer: 'wait=30' },
    });
    await eventually(async () => {
      expect(await service.metric('quintet_jobs_submitted_total')).toBe(1);
    });
    await own.kill();
    const response = await waiting;
    expect(response.status).toBe(202);
    const accepted = await jobOf(response);
    await own.start();
    const worker = await startWorker(own);
    await eventually(async () => {
      expect((await jobOf(await service.request(accepted.links.self))).status).toBe('succeeded');
    });
    await worker.close();
    expect(await service.end()).toBe(0);
    await own.stop();
  });

  it('starts, and becomes ready when Redis comes', async () => {
    const own = await startRedis();
    await own.kill();
    const service = await startApi(own.url);
    expect((await service.request('/health/live')).status).toBe(200);
    expect((await service.request('/health/ready')).status).toBe(503);
    const refused = await service.request('/v1/jobs', { method: 'POST', body: new Uint8Array(image), headers: raw });
    expect((await problemOf(refused)).code).toBe('redis_unavailable');
    await own.start();
    await eventually(async () => {
      expect((await service.request('/health/ready')).status).toBe(200);
    });
    const accepted = await service.request('/v1/jobs', { method: 'POST', body: new Uint8Array(image), headers: raw });
    expect(accepted.status).toBe(202);
    expect(await service.end()).toBe(0);
    await own.stop();
  });

  it('gives up on one that hangs within the limit of a command', async () => {
    const own = await startRedis();
    const service = await startReadyApi(own.url);
    const pid = Number(/process_id:(\d+)/.exec(await infoOf(own))?.[1]);
    process.kill(pid, 'SIGSTOP');
    // It answers although Redis never does.
    const response = await service.request('/v1/jobs', { method: 'POST', body: new Uint8Array(image), headers: raw });
    expect((await problemOf(response)).code).toBe('redis_unavailable');
    process.kill(pid, 'SIGCONT');
    await eventually(async () => {
      const again = await service.request('/v1/jobs', { method: 'POST', body: new Uint8Array(image), headers: raw });
      expect(again.status).toBe(202);
    });
    expect(await service.end()).toBe(0);
    await own.stop();
  });
});

async function infoOf(own: RedisServer): Promise<string> {
  const connection = new Redis(own.url);
  try {
    return await connection.info('server');
  } finally {
    connection.disconnect();
  }
}

describe('stopping', () => {
  it('answers who waits, finishes what came, and exits 0', async () => {
    // Less than anybody waits below: if those who wait were not answered, it would not end in an orderly way.
    const service = await startReadyApi(server.url, { DEFAULT_MODEL: 'nobody', SHUTDOWN_SECONDS: '25' });
    const submit = (headers: Record<string, string> = {}) =>
      service.request('/v1/jobs', { method: 'POST', body: new Uint8Array(image), headers: { ...raw, ...headers } });
    const { id } = await jobOf(await submit());
    const waits = Array.from({ length: 20 }, () => submit({ Prefer: 'wait=30' }));
    const read = service.request(`/v1/jobs/${id}`, { headers: { Prefer: 'wait=30' } });
    await eventually(async () => {
      expect(await service.metric('quintet_waiting_requests')).toBe(21);
    });
    // An upload that is half there when the signal comes.
    const head = `POST /v1/jobs HTTP/1.1\r\nHost: quintet\r\nContent-Type: image/jpeg\r\nContent-Length: ${image.length}\r\n\r\n`;
    const parts = slowUpload(service.port, head, image);
    const late = slowUpload(
      service.port,
      'POST /v1/jobs HTTP/1.1\r\nHost: quintet\r\n',
      head.slice(head.indexOf('Content')),
    );
    await Promise.all([parts.begun, late.begun]);
    // Nothing tells a client that its first bytes were read; but connections are served in their order, and the second of two
    // that follow one another is answered after all that had come before the first.
    for (let turn = 0; turn < 2; turn += 1) {
      expect(await rawExchange(service.port, [liveness])).toMatch(/^HTTP\/1\.1 200 /);
    }
    const ended = service.end();
    for (const response of await Promise.all(waits)) {
      expect(response.status).toBe(202);
      expect((await jobOf(response)).status).toBe('queued');
    }
    expect((await jobOf(await read)).status).toBe('queued');
    // One whose headers are complete only now is told to go elsewhere.
    late.finish();
    expect(await late.answer).toMatch(/^HTTP\/1\.1 503 [^]*\r\nConnection: close\r\n[^]*"code":"shutting_down"/);
    parts.finish();
    expect(await parts.answer).toMatch(/^HTTP\/1\.1 202 /);
    expect(await ended).toBe(0);
  });
});

const liveness = 'GET /health/live HTTP/1.1\r\nHost: quintet\r\nConnection: close\r\n\r\n';

/** Bytes of a slow upload that are sent at once. */
const sentFirst = 10;

/** Sends the head and the begin of the body, and the rest when told to. */
function slowUpload(port: number, head: string, body: Buffer | string) {
  const socket = connect({ port, host: '127.0.0.1' });
  let text = '';
  socket.on('data', (data) => (text += data.toString('latin1')));
  const begun = (async () => {
    await once(socket, 'connect');
    socket.write(head);
    socket.write(body.slice(0, sentFirst));
  })();
  const finish = (): void => {
    socket.write(body.slice(sentFirst));
  };
  const answer = once(socket, 'close').then(() => text);
  return { begun, finish, answer };
}
