/** The client library against the real service: over cut connections, restarts, refusals, and what is given up. */
import { randomUUID } from 'node:crypto';
import { AdaptiveWindow, Quintet, QuintetError, type Job } from '@quintet/client';
import { createHttpFetch, type HttpFetch } from '@quintet/client/node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { eventually } from '../support/service-process.js';
import { startStack, type Stack } from '../support/stack.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { testModel } from '../support/test-model.js';

let stack: Stack;
let proxy: TcpProxy;
let http: HttpFetch;
let image: Buffer;

beforeAll(async () => {
  // No worker at first: what is submitted stays in the queue until a test has seen it there.
  stack = await startStack({ workers: 0, env: { MAX_QUEUE_DEPTH: '16' } });
  proxy = await startTcpProxy(stack.api.port);
  http = createHttpFetch();
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
});
afterAll(async () => {
  http.close();
  await proxy.stop();
  await stack.stop();
});

const through = (port: number, fetch = http.fetch): Quintet => new Quintet({ url: `http://127.0.0.1:${port}/`, fetch });

/** The platform's fetch, and the command's: a client is the same with either. */
const clients = (): Quintet[] => [new Quintet({ url: stack.url }), through(stack.api.port)];

describe('while no worker lives', () => {
  it('submits, reads and cancels', async () => {
    for (const client of clients()) {
      const job = await client.submit(image, { top_k: 2, metadata: { order: '4711' } });
      expect(job).toMatchObject({ status: 'queued', metadata: { order: '4711' } });
      expect((await client.get(job.id)).id).toBe(job.id);
      expect((await client.cancel(job.id)).status).toBe('canceled');
      await expect(client.cancel(job.id)).rejects.toMatchObject({ code: 'job_finished', status: 409 });
      expect((await client.wait(job.id)).status).toBe('canceled');
    }
  });

  it('lists its jobs, newest first, over all pages', async () => {
    const [client] = clients();
    if (client === undefined) throw new Error('there is none');
    const idsOf = async (jobs: AsyncIterable<Job>): Promise<string[]> => {
      const found: string[] = [];
      for await (const { id } of jobs) found.push(id);
      return found;
    };
    const before = await idsOf(client.jobs());
    const ids: string[] = [];
    for (let count = 0; count < 103; count += 1) {
      // What is canceled leaves the queue at once, and its depth when that is next looked at.
      const { id } = await eventually(() => client.submit(image));
      ids.unshift(id);
      await client.cancel(id);
    }
    expect(await idsOf(client.jobs())).toEqual([...ids, ...before]);
    expect(await idsOf(client.jobs({ status: 'canceled', limit: 101 }))).toEqual(ids.slice(0, 101));
    expect(await idsOf(client.jobs({ status: 'succeeded' }))).toEqual([]);
    expect(await idsOf(client.jobs({ limit: 0 }))).toEqual([]);
    await expect(client.jobs({ limit: 1.5 }).next()).rejects.toMatchObject({ code: 'option_invalid' });
  });

  it('cancels what a call that is aborted had submitted, though it never heard of the job', async () => {
    for (const client of clients()) {
      const idempotencyKey = randomUUID();
      const controller = new AbortController();
      const call = client.classify(image, { idempotencyKey, signal: controller.signal });
      const { depth } = await eventually(async () => {
        const { queue } = await client.operations();
        expect(queue.depth).toBeGreaterThan(0);
        return queue;
      });
      expect(depth).toBe(1);
      controller.abort(new Error('enough'));
      await expect(call).rejects.toThrow('enough');
      await client.settled();
      // The same key is the same job.
      expect((await client.submit(image, { idempotencyKey })).status).toBe('canceled');
    }
  });

  it('tells the states of a job over a cut, and over a restart of the service', async () => {
    const client = through(proxy.port);
    const { id } = await client.submit(image);
    const seen: Job[] = [];
    for await (const job of client.events(id)) {
      seen.push(job);
      if (seen.length > 1) continue;
      proxy.refuse();
      const { port } = stack.api;
      await stack.api.end('SIGKILL');
      await stack.addApi({ PORT: String(port) });
      proxy.pass();
      void stack.addWorker();
    }
    expect(seen[0]?.status).toBe('queued');
    expect(seen.at(-1)?.status).toBe('succeeded');
    const states = seen.map(({ status, queue }) => `${status} ${queue?.position ?? ''} ${queue?.eta_seconds ?? ''}`);
    expect(new Set(states).size).toBe(states.length);
  });
});

describe('with a worker', () => {
  beforeAll(async () => {
    await stack.workers[0]?.ready();
  });

  it('classifies, whatever the network does to the first attempt', async () => {
    const client = through(proxy.port);
    proxy.refuse();
    const retries: string[] = [];
    const { predictions } = await client.classify(image, {
      top_k: 3,
      onRetry: ({ code }) => {
        retries.push(code);
        proxy.pass();
      },
    });
    expect(predictions).toHaveLength(3);
    expect(retries).toContain('connection_failed');
  });

  it('says why a picture is none, with the job or without', async () => {
    for (const client of clients()) {
      await expect(client.classify(Buffer.from('no picture'))).rejects.toMatchObject({
        code: 'image_format_unsupported',
        status: 415,
        retryable: false,
      });
      await expect(client.classify(image, { top_k: 99 })).rejects.toMatchObject({ code: 'option_invalid' });
    }
  });

  it('classifies many in their order, of which some fail', async () => {
    const window = new AdaptiveWindow(4);
    const items = Array.from({ length: 12 }, (_, index) => (index % 5 === 3 ? Buffer.from('none') : image));
    const outcomes: string[] = [];
    const all = through(stack.api.port).classifyAll(items, (item) => item, { concurrency: window, top_k: 1 });
    for await (const { index, job, error } of all) outcomes.push(`${index} ${job?.status ?? error?.code ?? ''}`);
    expect(outcomes).toEqual(
      items.map((item, index) => `${index} ${item === image ? 'succeeded' : 'image_format_unsupported'}`),
    );
  });

  it('reads models and operations', async () => {
    const client = new Quintet({ url: stack.url });
    const models = await client.models();
    expect(models.default).toBe(testModel);
    await eventually(async () => {
      // A worker knows what it gets done when it has worked for a moment.
      await Promise.all(Array.from({ length: 8 }, () => client.classify(image)));
      const { throughput, workers } = await client.operations();
      expect(throughput.succeeded).toBeGreaterThan(8);
      expect(workers.map(({ id }) => id)).toEqual(['worker-1']);
      // From here on a full queue knows when it will have room.
      expect(workers[0]?.rate).toBeGreaterThan(0);
    });
  });

  it('comes again as the service asks, when more are sent than the queue takes', async () => {
    // It may be asked to come again in a minute.
    const client = new Quintet({ url: stack.url, retrySeconds: 200 });
    const refused = new Set<string>();
    const window = new AdaptiveWindow(40);
    // Until the first is refused nothing leaves the queue, however slowly they come.
    const worker = stack.workers[0]?.process;
    worker?.kill('SIGSTOP');
    onTestFinished(() => {
      worker?.kill('SIGCONT');
    });
    const all = client.classifyAll(Array.from({ length: 40 }).fill(image) as Buffer[], (item) => item, {
      concurrency: window,
      onRetry: ({ code, status, retryAfter }) => {
        refused.add(`${code} ${status ?? ''} ${retryAfter ?? ''}`);
        worker?.kill('SIGCONT');
      },
    });
    const jobs = new Set<string | undefined>();
    for await (const { job } of all) jobs.add(job?.id);
    expect(jobs.size).toBe(40);
    expect(jobs.has(undefined)).toBe(false);
    expect([...refused]).toContainEqual(expect.stringMatching(/^queue_full 503 [1-9]/));
    expect(window.size).toBeLessThan(40);
  });

  it('sends files as a batch and yields the results in their order', async () => {
    for (const client of clients()) {
      const files = [
        { name: 'a/first.jpg', content: image },
        { name: 'none.jpg', content: new Blob(['no picture']) },
        { name: `${'long/'.repeat(30)}last.jpg`, content: image },
      ];
      const results: string[] = [];
      for await (const { name, job } of client.batch(files, { top_k: 1 })) {
        results.push(`${name} ${job?.error?.code ?? job?.status ?? 'gone'}`);
      }
      expect(results).toEqual([
        'a/first.jpg succeeded',
        'none.jpg image_format_unsupported',
        `${'long/'.repeat(30)}last.jpg succeeded`,
      ]);
    }
  });
});

it('says that there is nobody, or nobody it knows', async () => {
  const nobody = new Quintet({ url: 'http://127.0.0.1:1', retrySeconds: 0 });
  await expect(nobody.models()).rejects.toMatchObject({ code: 'connection_failed', retryable: true });
  expect(() => new Quintet({ url: 'ftp://127.0.0.1' })).toThrow(TypeError);
  await expect(through(stack.api.port).get('no-id')).rejects.toBeInstanceOf(QuintetError);
});
