/** What becomes of a submission, by whose picture it is and what is known of it already. */
import {
  resultName,
  resultScope,
  sha256Hex,
  type Answer,
  type ClassifyOrder,
  type JobRecord,
  type Outcome,
  type Prediction,
} from '@quintet/shared';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../../../../test/fixtures/images/index.js';
import { anonymous, type Client } from './client.js';
import { submitJob, type Submission, type SubmitContext } from './submit.js';

const model = { name: 'resnet50', version: 'sha256:01', weights: 'demo' as const };
const kept: Prediction[] = Array.from({ length: 20 }, (_, index) => ({
  label: `class ${index}`,
  wnid: `n${index}`,
  index,
  score: 0.5 ** (index + 1),
}));
const explained = {
  explanation: {
    ...{ label: 'class 0', wnid: 'n0', index: 0, rows: 7, columns: 7 },
    region: { left: 0, top: 0, width: 1, height: 1 },
  },
  png: Buffer.from('a heat map'),
};
const ann: Client = { ...anonymous, name: 'ann' };

let image: Buffer;
let digest: string;
beforeAll(async () => {
  image = await makeImage({ format: 'png', width: 16, height: 16 });
  digest = await sha256Hex(image);
});

function service(overrides: Partial<SubmitContext> = {}) {
  const answers = new Map<string, Answer>();
  const orders: ClassifyOrder[] = [];
  const finished: { record: JobRecord; outcome: Outcome; seconds: number; png: Uint8Array | undefined }[] = [];
  const deliveries: string[] = [];
  const lookups: string[] = [];
  const created: string[] = [];
  const context: SubmitContext = {
    store: {
      create: (record) => Promise.resolve(void created.push(record.id)),
      createFinished: (record, outcome, seconds, png) =>
        Promise.resolve(void finished.push({ record, outcome, seconds, png })),
      discard: () => Promise.resolve(),
    },
    queues: {
      add: (order) => Promise.resolve(void orders.push(order)),
      ahead: () => Promise.resolve(0),
      addDelivery: ({ id }) => Promise.resolve(void deliveries.push(id)),
    },
    memory: { take: () => Promise.resolve() },
    models: { resolve: () => Promise.resolve(model) },
    rates: { of: () => Promise.resolve(10) },
    admission: { admit: () => Promise.resolve() },
    cache: { find: (name) => Promise.resolve(answers.get(name)) },
    endpoints: { isDisabled: () => Promise.resolve(false) },
    onCacheLookup: (name, result) => lookups.push(`${name} ${result}`),
    imageLimits: { maxPixels: 1000 },
    queueTtlSeconds: 600,
    resultTtlSeconds: 60,
    webhooksEnabled: true,
    allowPrivateHosts: false,
    ...overrides,
  };
  const submit = (over: Partial<Submission> = {}) =>
    submitJob(context, {
      id: 'j',
      image,
      options: { top_k: 5, priority: 0 },
      requestId: 'r',
      client: anonymous,
      caching: { reuse: true, store: true },
      ...over,
    });
  const remember = (owner: string | undefined, version = model.version): void => {
    answers.set(resultName(resultScope(owner), { ...model, version }, digest) ?? '', { predictions: kept });
  };
  const rememberExplained = (): void => {
    answers.set(resultName(resultScope(undefined), model, digest, true) ?? '', { predictions: kept, explained });
  };
  return { submit, remember, rememberExplained, orders, created, finished, deliveries, lookups };
}

describe('a picture whose answer is kept', () => {
  it('is a job that has ended: no order, no image, no place in the queue', async () => {
    const { submit, remember, orders, created, finished, lookups } = service({
      admission: { admit: () => Promise.reject(new Error('the queue is full')) },
    });
    remember(undefined);
    const { job } = await submit({ options: { top_k: 3, priority: 0, metadata: { a: '1' } } });
    expect(job).toMatchObject({ status: 'succeeded', cache: 'hit', model, metadata: { a: '1' } });
    expect(job.predictions).toEqual(kept.slice(0, 3));
    const { total = -1, ...phases } = job.timing_ms ?? {};
    expect(phases).toEqual({ queue: 0, fetch: 0, preprocess: 0, batch_wait: 0, inference: 0 });
    expect(total).toBeGreaterThan(0);
    expect(finished).toMatchObject([{ record: { id: 'j' }, seconds: 60 }]);
    expect([orders, created, lookups]).toEqual([[], [], ['resnet50 hit']]);
  });

  it('is cut to what each job asks for', async () => {
    const { submit, remember } = service();
    remember(undefined);
    const scores = async (top_k: number, min_score?: number): Promise<number | undefined> =>
      (await submit({ options: { top_k, priority: 0, ...(min_score === undefined ? {} : { min_score }) } })).job
        .predictions?.length;
    expect(await scores(20)).toBe(20);
    expect(await scores(5, 0.25)).toBe(2);
    expect(await scores(1, 0.25)).toBe(1);
    expect(await scores(20, 0.6)).toBe(0);
  });

  it('is delivered where there is a webhook', async () => {
    const { submit, remember, deliveries, finished } = service();
    remember(undefined);
    await submit({ options: { top_k: 5, priority: 0, webhook_url: 'https://example.com/hook' } });
    expect(deliveries).toEqual(['j']);
    expect(finished[0]?.record.webhook).toEqual({ url: 'https://example.com/hook' });
  });

  it('answers who wants it explained only where it was, and with the heat map', async () => {
    const options = { top_k: 5, priority: 0, explain: true };
    const { submit, remember, rememberExplained, orders, finished } = service();
    remember(undefined);
    expect((await submit({ options })).job.status).toBe('queued');
    expect(orders).toMatchObject([{ explain: true }]);
    rememberExplained();
    const { job } = await submit({ options });
    expect(job).toMatchObject({ cache: 'hit', explanation: explained.explanation });
    expect(job.links.explanation).toBe('/v1/jobs/j/explanation.png');
    expect(finished[0]?.png).toEqual(explained.png);
    // Nothing is left that could be explained.
    const { job: bare } = await submit({ options: { ...options, min_score: 0.9 } });
    expect(bare.links).not.toHaveProperty('explanation');
    expect((await submit()).job).not.toHaveProperty('explanation');
  });

  it('is checked all the same', async () => {
    const { submit, remember } = service({ imageLimits: { maxPixels: 10 } });
    remember(undefined);
    await expect(submit()).rejects.toMatchObject({ code: 'image_too_many_pixels' });
  });
});

describe('a picture whose answer is not known to this client', () => {
  it('is classified, under its own name only', async () => {
    const { submit, remember, orders, lookups } = service();
    remember('bob');
    remember(undefined);
    remember('ann', 'sha256:02');
    expect((await submit({ client: ann })).job.status).toBe('queued');
    expect(orders).toMatchObject([{ id: 'j', sharing: { scope: resultScope('ann'), digest } }]);
    expect(orders[0]?.sharing).not.toHaveProperty('fresh');
    expect(lookups).toEqual(['resnet50 miss']);
  });

  it('is classified where the version of the model is not known yet', async () => {
    const { submit, orders, lookups } = service({
      models: { resolve: () => Promise.resolve({ name: 'resnet50' }) },
    });
    await submit();
    expect(orders).toHaveLength(1);
    expect(lookups).toEqual([]);
  });
});

describe('Cache-Control', () => {
  it('no-cache: classified anew, and kept', async () => {
    const { submit, remember, orders, lookups } = service();
    remember(undefined);
    await submit({ caching: { reuse: false, store: true } });
    expect(orders).toMatchObject([{ sharing: { scope: 'anonymous', digest, fresh: true } }]);
    expect(lookups).toEqual([]);
  });

  it('no-store: classified anew, and not kept; so is everything where nothing is shared', async () => {
    const strict = service();
    strict.remember(undefined);
    await strict.submit({ caching: { reuse: false, store: false } });
    const off = service({ cache: undefined });
    await off.submit();
    for (const { orders } of [strict, off]) {
      expect(orders).toHaveLength(1);
      expect(orders[0]).not.toHaveProperty('sharing');
    }
  });
});

describe('a submission that fails half-way', () => {
  it('leaves its key only where it could not be undone', async () => {
    const left: string[] = [];
    const lease = { check: () => undefined, keep: () => left.push('kept') };
    const queues = {
      add: () => Promise.reject(new Error('away')),
      ahead: () => Promise.resolve(0),
      addDelivery: () => Promise.resolve(),
    };
    const store = { create: () => Promise.resolve(), createFinished: () => Promise.resolve() };
    const undone = service({ queues, store: { ...store, discard: () => Promise.resolve() } });
    await expect(undone.submit({ lease })).rejects.toMatchObject({ code: 'redis_unavailable' });
    expect(left).toEqual([]);
    const stuck = service({ queues, store: { ...store, discard: () => Promise.reject(new Error('away')) } });
    await expect(stuck.submit({ lease })).rejects.toMatchObject({ code: 'redis_unavailable' });
    expect(left).toEqual(['kept']);
  });
});
