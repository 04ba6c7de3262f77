/** The whole service as a client meets it: every format, every way to get the answer. Processes die in test/faults. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jobSchema, webhookBodySchema, type Job } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostileFiles, makeImage, type MakeImageOptions } from '../fixtures/images/index.js';
import { eventually } from '../support/service-process.js';
import { stackWebhookSecret, startStack, type Stack } from '../support/stack.js';

let photo: Buffer;
beforeAll(async () => {
  photo = await makeImage({ format: 'jpeg', width: 640, height: 480 });
});

async function post(url: string, image: Buffer, query = '', headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/v1/jobs${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', ...headers },
    body: new Uint8Array(image),
  });
}

const jobOf = async (response: Response): Promise<Job> => jobSchema.parse(await response.json());

const finished = (url: string, id: string): Promise<Job> =>
  eventually(async () => {
    const job = await jobOf(await fetch(`${url}/v1/jobs/${id}`));
    if (job.finished_at === undefined) throw new Error(`job ${id} is ${job.status}`);
    return job;
  });

/** A plain HTTP server that takes every webhook. */
async function startReceiver() {
  const received: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      response.writeHead(204).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url, received, stop };
}

describe('one stack', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  });
  afterAll(async () => {
    await stack.stop();
  });

  const pictures: MakeImageOptions[] = [
    { format: 'jpeg', width: 320, height: 240 },
    { format: 'jpeg', width: 320, height: 240, progressive: true },
    { format: 'jpeg', width: 320, height: 240, colour: 'cmyk' },
    { format: 'jpeg', width: 320, height: 240, colour: 'grey' },
    { format: 'jpeg', width: 320, height: 240, orientation: 6 },
    { format: 'png', width: 320, height: 240 },
    { format: 'png', width: 320, height: 240, colour: 'rgb16' },
    { format: 'png', width: 320, height: 240, colour: 'palette' },
    { format: 'png', width: 320, height: 240, colour: 'alpha' },
    { format: 'webp', width: 320, height: 240 },
    { format: 'avif', width: 320, height: 240 },
    { format: 'gif', width: 320, height: 240, frames: 3 },
    { format: 'tiff', width: 320, height: 240 },
    { format: 'bmp', width: 320, height: 240 },
    { format: 'bmp', width: 320, height: 240, bmp: 'rle8' },
    { format: 'heic', width: 64, height: 48 },
    { format: 'png', width: 1, height: 1 },
    { format: 'png', width: 1, height: 5000 },
  ];
  it.each(pictures)('classifies %j', async (options) => {
    const response = await post(stack.url, await makeImage(options), '', { prefer: 'wait=20' });
    const job = await jobOf(response);
    expect([response.status, job.status, job.error]).toEqual([200, 'succeeded', undefined]);
    expect(job.predictions).toHaveLength(5);
  });

  it('refuses every hostile file with its own code, and goes on', async () => {
    for (const { name, bytes, code } of await hostileFiles()) {
      const response = await post(stack.url, bytes);
      expect([name, ((await response.json()) as { code: string }).code]).toEqual([name, code]);
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
    }
    expect((await post(stack.url, photo, '', { prefer: 'wait=20' })).status).toBe(200);
  });

  it('carries one request id from the answer to the last line of the worker', async () => {
    const response = await post(stack.url, photo, '', { prefer: 'wait=20' });
    const requestId = response.headers.get('x-request-id');
    const { id } = await jobOf(response);
    const [worker] = stack.workers;
    await eventually(() => {
      expect(worker?.lines).toContainEqual(
        expect.objectContaining({ message: 'job succeeded', job_id: id, request_id: requestId }),
      );
    });
  });

  it('lists what its live workers serve', async () => {
    const body = (await (await fetch(`${stack.url}/v1/models`)).json()) as { models: { workers: { id: string }[] }[] };
    expect(body.models.flatMap(({ workers }) => workers.map(({ id }) => id))).toEqual(['worker-1']);
  });

  it('delivers a signed webhook that the text of the standard accepts', async () => {
    const receiver = await startReceiver();
    const { id } = await jobOf(
      await post(stack.url, photo, `?webhook_url=${encodeURIComponent(receiver.url)}&top_k=1`),
    );
    await eventually(() => {
      expect(receiver.received).toHaveLength(1);
    });
    receiver.stop();
    const [{ headers, body } = { headers: {}, body: '' }] = receiver.received;
    const key = Buffer.from(stackWebhookSecret.slice('whsec_'.length), 'base64');
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
    const expected = `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
    expect(String(headers['webhook-signature']).split(' ')).toContain(expected);
    expect(Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp']))).toBeLessThan(300);
    const message = webhookBodySchema.parse(JSON.parse(body));
    expect(message).toMatchObject({ type: 'job.succeeded', data: { id, status: 'succeeded' } });
    expect(message.data).toEqual(await jobOf(await fetch(`${stack.url}/v1/jobs/${id}`)));
  });

  it('queues while there is no worker: a canceled job ends at once and says so, the others wait for one', async () => {
    const { url } = stack;
    await stack.workers[0]?.kill('SIGTERM');
    const receiver = await startReceiver();
    const hook = `?webhook_url=${encodeURIComponent(receiver.url)}`;
    const [first, second] = await Promise.all([jobOf(await post(url, photo, hook)), jobOf(await post(url, photo))]);
    const canceled = await fetch(`${url}/v1/jobs/${first.id}`, { method: 'DELETE' });
    expect([canceled.status, (await jobOf(canceled)).status]).toEqual([200, 'canceled']);
    await eventually(() => {
      const bodies = receiver.received.map(({ body }) => webhookBodySchema.parse(JSON.parse(body)));
      expect(bodies).toMatchObject([{ type: 'job.canceled', data: { id: first.id, status: 'canceled' } }]);
    });
    receiver.stop();
    expect((await jobOf(await fetch(`${url}/v1/jobs/${second.id}`))).status).toBe('queued');
    await stack.addWorker();
    expect((await finished(url, second.id)).status).toBe('succeeded');
    const again = await fetch(`${url}/v1/jobs/${second.id}`, { method: 'DELETE' });
    expect([again.status, ((await again.json()) as { code: string }).code]).toEqual([409, 'job_finished']);
  });
});
