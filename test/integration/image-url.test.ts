/** Jobs by `image_url`, through the compiled services: what is fetched, what is refused, and that nobody else waits for it. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  classifyQueueName,
  fetchId,
  fetchQueueName,
  JobStore,
  keyPrefix,
  keys,
  Redis,
  type Job,
  type Problem,
} from '@quintet/shared';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { hang, redirect, send, startPictureServer, type PictureServer } from '../support/picture-server.js';
import { eventually } from '../support/service-process.js';
import { startStack, type Stack } from '../support/stack.js';
import { testModel } from '../support/test-model.js';
import { jobOf, problemOf } from './api-harness.js';

const maxBytes = 60_000;
let stack: Stack;
let pictures: PictureServer;
let redis: Redis;
let photo: Buffer;
let large: Buffer;

beforeAll(async () => {
  photo = await makeImage({ format: 'jpeg', width: 320, height: 240 });
  large = Buffer.concat([photo, Buffer.alloc(maxBytes)]);
  pictures = await startPictureServer();
  stack = await startStack({ env: { FETCH_TIMEOUT_SECONDS: '3', MAX_UPLOAD_BYTES: String(maxBytes) } });
  redis = new Redis(stack.redis.url);
});
afterAll(async () => {
  await Promise.all(queues.map((queue) => queue.close()));
  redis.disconnect();
  await stack.stop();
  await pictures.stop();
});

const post = (body: unknown, prefer = 'respond-async'): Promise<Response> =>
  fetch(`${stack.url}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer },
    body: JSON.stringify(body),
  });
const submit = async (image_url: string, options: Record<string, unknown> = {}): Promise<Job> => {
  const response = await post({ image_url, ...options });
  expect(response.status).toBe(202);
  return jobOf(response);
};
const read = async (id: string, wait = 0): Promise<Job> =>
  jobOf(await fetch(`${stack.url}/v1/jobs/${id}`, wait > 0 ? { headers: { prefer: `wait=${wait}` } } : {}));
const ended = async (image_url: string, options: Record<string, unknown> = {}): Promise<Job> => {
  const { id } = await submit(image_url, options);
  return read(id, 30);
};
const failure = async (image_url: string, options: Record<string, unknown> = {}): Promise<Problem> => {
  const { status, error } = await ended(image_url, options);
  expect(status).toBe('failed');
  if (error === undefined) throw new Error('a failed job without an error');
  return error;
};
const queues: Queue[] = [];
const queueOf = (name: string): Queue => {
  const queue = new Queue(name, { connection: redis, prefix: keyPrefix });
  queues.push(queue);
  return queue;
};
/** No queue entry of the job is left that could still do anything, and no image. */
const nothingLeft = async (id: string): Promise<void> => {
  for (const [name, entry] of [
    [classifyQueueName(testModel), id],
    [fetchQueueName, fetchId(id)],
  ] as const) {
    const queue = queueOf(name);
    await eventually(async () => {
      expect(['completed', 'unknown']).toContain(await queue.getJobState(entry));
    });
  }
  expect(await redis.exists(keys.image(id))).toBe(0);
};

describe.concurrent('a job by image_url', () => {
  it('is answered as the same picture uploaded, and asks the server for no more than it', async () => {
    const uploaded = await jobOf(await post({ image_base64: photo.toString('base64') }, 'wait=30'));
    const url = pictures.at(send(photo, { 'content-type': 'text/html', 'set-cookie': 'a=b' }));
    const response = await post({ image_url: url, top_k: 5, metadata: { a: 'b' } }, 'wait=30');
    expect(response.status).toBe(200);
    const job = await jobOf(response);
    expect(job).toMatchObject({ status: 'succeeded', metadata: { a: 'b' }, predictions: uploaded.predictions });
    const [visit, ...others] = pictures.visits(url);
    expect(others).toEqual([]);
    expect(visit?.headers).toEqual({
      host: `127.0.0.1:${pictures.port}`,
      'user-agent': expect.stringMatching(/^Quintet-Fetch\/\d+\.\d+\.\d+$/) as string,
      accept: 'image/*',
      'accept-encoding': 'identity',
      connection: 'close',
    });
    await nothingLeft(job.id);
  });

  it('is queued while its picture comes, and tells the download as time in the queue', async () => {
    let answer: () => void = () => undefined;
    const url = pictures.at((response) => {
      answer = () => response.end(photo);
    });
    const { id, status } = await submit(url);
    expect(status).toBe('queued');
    await eventually(() => {
      expect(pictures.visits(url)).toHaveLength(1);
    });
    expect((await read(id)).status).toBe('queued');
    await delay(300);
    answer();
    const job = await read(id, 30);
    expect(job.status).toBe('succeeded');
    expect(job.timing_ms?.queue).toBeGreaterThan(250);
  });

  it('follows five redirects, without cookies and Referer, and no sixth', async () => {
    let url = pictures.at(send(photo));
    const last = url;
    for (const status of [301, 302, 303, 307, 308]) {
      const target = status === 303 ? new URL(url).pathname : url.replace('127.0.0.1', 'localhost');
      url = pictures.at(redirect(target, status, { 'set-cookie': 'a=b' }));
    }
    expect((await ended(url)).status).toBe('succeeded');
    const { headers } = pictures.visits(last)[0] ?? {};
    expect(headers?.cookie ?? headers?.referer).toBeUndefined();
    expect((await failure(pictures.at(redirect(url)))).code).toBe('image_url_redirects');
    const loop: string = pictures.at((response) => response.writeHead(302, { location: loop }).end());
    expect((await failure(loop)).code).toBe('image_url_redirects');
    expect(pictures.visits(loop)).toHaveLength(6);
  });

  it('goes nowhere else than http and https, also when it is sent there', async () => {
    for (const target of ['ftp://127.0.0.1/', 'file:///etc/passwd', 'http://a:b@127.0.0.1/', 'http://[']) {
      const error = await failure(pictures.at(redirect(target)));
      expect(error.code, target).toBe('image_url_refused');
      expect(error.detail).toMatch(/redirects to an address that is not allowed/);
    }
    expect((await failure(pictures.at(send('', {}, 302)))).code).toBe('image_url_status');
  });

  it('reads no more than MAX_UPLOAD_BYTES, whatever the server announces', async () => {
    const announced = pictures.at((response) => response.writeHead(200, { 'content-length': maxBytes + 1 }).write('x'));
    const unannounced = pictures.at((response) => {
      response.write(large);
      const timer = setInterval(() => response.write(large), 10);
      response.on('close', () => {
        clearInterval(timer);
      });
    });
    for (const url of [announced, unannounced]) {
      expect(await failure(url)).toMatchObject({ code: 'image_url_too_large', status: 413 });
      expect(pictures.visits(url)).toHaveLength(1);
      await eventually(() => {
        expect(pictures.visits(url)[0]?.leftEarly).toBe(true);
      });
    }
    const exact = Buffer.concat([photo, Buffer.alloc(maxBytes - photo.length)]);
    expect((await ended(pictures.at(send(exact)))).status).toBe('succeeded');
  });

  it('judges by the bytes, and stops as soon as they say enough', async () => {
    const page = `<!doctype html><title>no picture</title>${' '.repeat(5000)}`;
    const endless = pictures.at((response) => response.writeHead(200, { 'content-type': 'image/jpeg' }).write(page));
    expect((await failure(endless)).code).toBe('image_format_unsupported');
    await eventually(() => {
      expect(pictures.visits(endless)[0]?.leftEarly).toBe(true);
    });
    expect(pictures.visits(endless)).toHaveLength(1);
    expect(await failure(pictures.at(send('<html>')))).toMatchObject({ code: 'image_format_unsupported' });
    expect(await failure(pictures.at(send('')))).toMatchObject({ code: 'image_truncated' });
    expect(await failure(pictures.at(send(photo.subarray(0, 2000))))).toMatchObject({ code: 'image_truncated' });
    const compressed = await failure(pictures.at(send(photo, { 'content-encoding': 'gzip' })));
    expect(compressed).toMatchObject({ code: 'image_format_unsupported', detail: /compressed with gzip/ });
  });

  it('ends at once where another attempt would change nothing', async () => {
    for (const status of [204, 206, 304, 401, 403, 404, 410]) {
      const url = pictures.at(send(status === 204 || status === 304 ? '' : photo, {}, status));
      expect(await failure(url)).toMatchObject({ code: 'image_url_status', retryable: false });
      expect(pictures.visits(url)).toHaveLength(1);
    }
  });

  it('tries again after 5xx and 429, not before the server asked, and not where that is long', async () => {
    const recovering = pictures.at((response, number, request) => {
      (number === 1 ? send('no', {}, 500) : send(photo))(response, number, request);
    });
    const asking = pictures.at((response, number, request) => {
      (number === 1 ? send('no', { 'retry-after': '2' }, 429) : send(photo))(response, number, request);
    });
    const [recovered, asked] = await Promise.all([ended(recovering), ended(asking)]);
    expect([recovered.status, asked.status]).toEqual(['succeeded', 'succeeded']);
    expect(pictures.visits(recovering)).toHaveLength(2);
    const [first, second] = pictures.visits(asking);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(1900);

    const away = pictures.at(send('no', { 'retry-after': '60' }, 503));
    expect((await failure(away)).code).toBe('image_url_status');
    expect(pictures.visits(away)).toHaveLength(1);
    const broken = pictures.at(send('no', {}, 500));
    expect((await failure(broken)).code).toBe('image_url_status');
    expect(pictures.visits(broken)).toHaveLength(3);
  });

  it('gives up on servers that hang, drip, or cut, after three attempts', async () => {
    const drip = pictures.at((response) => {
      response.writeHead(200, { 'content-length': photo.length });
      let sent = 0;
      const timer = setInterval(() => response.write(photo.subarray(sent, ++sent)), 100);
      response.on('close', () => {
        clearInterval(timer);
      });
    });
    const cut = pictures.at((response) => {
      response.writeHead(200, { 'content-length': photo.length });
      response.write(photo.subarray(0, 1000), () => response.destroy());
    });
    const slowRedirects: string = pictures.at((response) => {
      setTimeout(() => response.writeHead(302, { location: slowRedirects }).end(), 1200);
    });
    const broken = [pictures.at(hang), drip, cut, pictures.at((response) => response.destroy())];
    // The time is for all of an attempt: a redirect does not begin it anew.
    const urls = [...broken, slowRedirects, 'http://127.0.0.1:1/', 'http://nobody.invalid/'];
    const errors = await Promise.all(urls.map((url) => failure(url)));
    for (const error of errors) expect(error).toMatchObject({ code: 'image_url_unreachable', retryable: true });
    for (const url of broken) expect(pictures.visits(url)).toHaveLength(3);
    expect(errors[0]?.detail).toMatch(/not there after 3 s/);
    expect(errors[5]?.detail).toMatch(/ECONNREFUSED/);
  });

  it('is canceled while its picture comes: the connection is closed, and the webhook goes out', async () => {
    const hook: unknown[] = [];
    const webhook_url = pictures.at((response, _number, request) => {
      request.on('data', (chunk: Buffer) => hook.push(JSON.parse(chunk.toString())));
      response.writeHead(204).end();
    });
    const url = pictures.at((response) => response.writeHead(200).write(photo.subarray(0, 100)));
    const { id } = await submit(url, { webhook_url });
    await eventually(() => {
      expect(pictures.visits(url)).toHaveLength(1);
    });
    const canceled = await fetch(`${stack.url}/v1/jobs/${id}`, { method: 'DELETE' });
    expect((await jobOf(canceled)).status).toBe('canceled');
    await eventually(() => {
      expect(pictures.visits(url)[0]?.leftEarly).toBe(true);
      expect(hook).toMatchObject([{ type: 'job.canceled', data: { id, status: 'canceled' } }]);
    });
    expect(pictures.visits(url)).toHaveLength(1);
    expect((await read(id)).status).toBe('canceled');
    await nothingLeft(id);
  });

  it('is canceled between two attempts: there is no other', async () => {
    const url = pictures.at(send('no', { 'retry-after': '3' }, 503));
    const { id } = await submit(url);
    const queue = queueOf(fetchQueueName);
    await eventually(async () => {
      expect(await queue.getJobState(fetchId(id))).toBe('delayed');
    });
    expect((await fetch(`${stack.url}/v1/jobs/${id}`, { method: 'DELETE' })).status).toBe(200);
    expect(await queue.getJobState(fetchId(id))).toBe('unknown');
    await nothingLeft(id);
  });

  it('expires where its picture is not there in time', async () => {
    const url = pictures.at(hang);
    // On a busy machine a job may expire before its picture is asked for: then the next one lives longer.
    const expire = async (seconds: number): Promise<Job> => {
      const job = await ended(url, { ttl_seconds: seconds });
      expect(job.status).toBe('expired');
      return pictures.visits(url).length > 0 ? job : expire(2 * seconds);
    };
    const job = await expire(0.5);
    expect(pictures.visits(url)).toHaveLength(1);
    await eventually(() => {
      expect(pictures.visits(url)[0]?.leftEarly).toBe(true);
    });
    await nothingLeft(job.id);
  });

  it('tells a webhook why its picture could not be fetched', async () => {
    const bodies: unknown[] = [];
    const webhook_url = pictures.at((response, _number, request) => {
      request.on('data', (chunk: Buffer) => bodies.push(JSON.parse(chunk.toString())));
      response.writeHead(204).end();
    });
    const error = await failure(pictures.at(send('no', {}, 404)), { webhook_url });
    await eventually(() => {
      expect(bodies).toMatchObject([{ type: 'job.failed', data: { status: 'failed', error } }]);
    });
  });

  it('is refused at the door where the text of the address already says no', async () => {
    for (const image_url of [
      'ftp://example.com/a.jpg',
      'http://a:b@example.com/',
      '/a.jpg',
      7,
      `http://a/${'a'.repeat(2048)}`,
    ]) {
      const response = await post({ image_url });
      const problem = await problemOf(response);
      expect(problem).toMatchObject({ status: 422, code: 'image_url_refused', errors: [{ pointer: '#/image_url' }] });
    }
    expect(await problemOf(await post({ image_url: 'http://example.com/', image_base64: 'QQ==' }))).toMatchObject({
      code: 'one_image_per_job',
    });
  });
});

describe('many slow addresses', () => {
  it('delay neither uploads nor, while their host may have another place, other addresses', async () => {
    const urls = Array.from({ length: 9 }, () => pictures.at(hang));
    const slow = await Promise.all(urls.map((url) => submit(url, { ttl_seconds: 30 })));
    await eventually(() => {
      for (const url of urls) expect(pictures.visits(url).length).toBeGreaterThan(0);
    });
    const upload = await jobOf(await post({ image_base64: photo.toString('base64') }, 'wait=30'));
    const quick = await ended(pictures.at(send(photo)));
    expect([upload.status, quick.status]).toEqual(['succeeded', 'succeeded']);
    const states = await Promise.all(slow.map(async ({ id }) => (await read(id)).status));
    expect(new Set(states)).toEqual(new Set(['queued']));
    await Promise.all(slow.map(({ id }) => fetch(`${stack.url}/v1/jobs/${id}`, { method: 'DELETE' })));
  });

  it('leave a worker that stops in no time but its own, and their jobs to others', async () => {
    const leaving = await stack.addWorker({ SHUTDOWN_SECONDS: '1', FETCH_TIMEOUT_SECONDS: '60' });
    await stack.workers[0]?.kill('SIGTERM');
    const url = pictures.at((response, number, request) => {
      if (number > 1) send(photo)(response, number, request);
    });
    const { id } = await submit(url);
    await eventually(() => {
      expect(pictures.visits(url)).toHaveLength(1);
    });
    const stopped = leaving.kill('SIGTERM');
    await stack.addWorker();
    expect(await stopped).toBe(0);
    expect((await read(id, 30)).status).toBe('succeeded');
    expect(await new JobStore(redis).hasEnded(id)).toBe(true);
  });
});
