/** `explain`, as a client meets it: all of Quintet as compiled, with keys for two clients and answers that are shared. */
import {
  classifyQueueName,
  createApiKey,
  JobStore,
  keyPrefix,
  keys,
  Presence,
  Redis,
  resultName,
  resultScope,
  sha256Hex,
  type BatchResult,
  type Job,
} from '@quintet/shared';
import { Queue } from 'bullmq';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { havePhotos, photoFile } from '../fixtures/images/photos.js';
import { outcomeOf, submitOrder } from '../support/orders.js';
import { picture } from '../support/pictures.js';
import { startStack, type Stack } from '../support/stack.js';
import { testModel } from '../support/test-model.js';
import { jobOf, problemOf } from './api-harness.js';

const ann = createApiKey('ann', ['submit', 'read']);
const bob = createApiKey('bob', ['submit', 'read']);
const blind = 'cannot-be-explained';

let stack: Stack;
let redis: Redis;

beforeAll(async () => {
  const API_KEYS = JSON.stringify([ann.entry, bob.entry]);
  stack = await startStack({ env: { RESULT_CACHE_TTL_SECONDS: '600', API_KEYS } });
  redis = new Redis(stack.redis.url, { maxRetriesPerRequest: null });
  const profile = { device: 'cpu', since: new Date().toISOString(), streams: 1, max_batch_size: 1, rate: 1 };
  const model = { name: blind, version: 'sha256:00', weights: 'demo', explainable: false } as const;
  await new Presence(redis).announce({ id: 'other', model, ...profile });
});
afterAll(async () => {
  redis.disconnect();
  await stack.stop();
});

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: NonNullable<RequestInit['body']>;
}

const request = (path: string, { headers, ...init }: Asked = {}, as = ann): Promise<Response> =>
  fetch(`${stack.url}${path}`, { ...init, headers: { 'X-API-Key': as.key, ...headers } });

const post = (image: Buffer, query: string, headers: Record<string, string> = {}): Promise<Response> =>
  request(`/v1/jobs${query}`, {
    method: 'POST',
    headers: { 'content-type': 'image/png', prefer: 'wait=20', ...headers },
    body: new Uint8Array(image),
  });

/** A picture that nobody has seen, with something in it to be seen. */
let pictures = 0;
async function newPicture(width = 320, height = 240): Promise<Buffer> {
  pictures += 1;
  const noise = { type: 'gaussian', mean: 128, sigma: 40 + pictures } as const;
  return sharp({ create: { width, height, channels: 3, background: '#808080', noise } })
    .png()
    .toBuffer();
}

async function heatMap(job: Job): Promise<{ data: Buffer; width: number; height: number }> {
  const response = await request(job.links.explanation ?? 'none');
  expect(response.status).toBe(200);
  const image = sharp(Buffer.from(await response.arrayBuffer())).raw();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  expect(info.channels).toBe(4);
  return { data, width: info.width, height: info.height };
}

describe('a job that is to be explained', () => {
  it('tells label and region, and has a heat map that a browser may keep', async () => {
    const job = await jobOf(await post(await newPicture(640, 480), '?explain=true&top_k=3'));
    const [top] = job.predictions ?? [];
    expect(job).toMatchObject({
      status: 'succeeded',
      explanation: {
        ...{ label: top?.label, index: top?.index, wnid: top?.wnid, rows: 7, columns: 7 },
        region: { left: 58 / 341, top: 16 / 256, width: 224 / 341, height: 224 / 256 },
      },
    });
    expect(job.links.explanation).toBe(`/v1/jobs/${job.id}/explanation.png`);
    expect(await jobOf(await request(job.links.self))).toEqual(job);

    const response = await request(job.links.explanation ?? '');
    const png = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(png.length).toBeLessThan(8000);
    expect(await sharp(png).metadata()).toMatchObject({ format: 'png', channels: 4, width: 112, height: 112 });
    const [, age] = /^private, max-age=(\d+), immutable$/.exec(response.headers.get('cache-control') ?? '') ?? [];
    expect(Number(age)).toBeGreaterThan(86_000);
    const etag = response.headers.get('etag') ?? '';
    const again = await request(job.links.explanation ?? '', { headers: { 'if-none-match': etag } });
    expect([again.status, again.headers.get('etag')]).toEqual([304, etag]);
    const head = await request(job.links.explanation ?? '', { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(png.length)]);
    // As long as the result, to the second.
    expect(await redis.hexists(keys.job(job.id), 'explanation')).toBe(1);
  });

  it('is nobody else’s to look at, and others have none', async () => {
    const explained = await jobOf(await post(await newPicture(), '?explain=true'));
    const plain = await jobOf(await post(await newPicture(), ''));
    expect(plain).not.toHaveProperty('explanation');
    expect(plain.links).not.toHaveProperty('explanation');
    const none = [
      request(explained.links.explanation ?? '', {}, bob),
      request(`${plain.links.self}/explanation.png`),
      request('/v1/jobs/01234567-89ab-cdef-0123-456789abcdef/explanation.png'),
    ];
    for (const response of await Promise.all(none)) {
      expect([response.status, (await problemOf(response)).code]).toEqual([404, 'explanation_not_found']);
    }
    const refused = await request(explained.links.explanation ?? '', { headers: { accept: 'text/html' } });
    expect((await problemOf(refused)).code).toBe('not_acceptable');
    expect((await problemOf(await request('/v1/jobs/1/explanation.png'))).code).toBe('job_id_invalid');
    // No prediction is left that it could explain.
    const { explanation, predictions } = await jobOf(await post(await newPicture(), '?explain=true&min_score=1'));
    expect([explanation, predictions]).toEqual([undefined, []]);
  });

  it('has its map also where the answer is kept, or another job’s, and never one without', async () => {
    const image = await newPicture();
    const plain = await jobOf(await post(image, ''));
    const explained = await jobOf(await post(image, '?explain=true'));
    expect([plain.cache, explained.cache]).toEqual([undefined, undefined]);
    const hit = await jobOf(await post(image, '?explain=true&top_k=1'));
    expect(hit).toMatchObject({ cache: 'hit', explanation: explained.explanation });
    expect(await heatMap(hit)).toEqual(await heatMap(explained));
    const plainHit = await jobOf(await post(image, ''));
    expect(plainHit.cache).toBe('hit');
    expect(plainHit).not.toHaveProperty('explanation');

    // Slow to decode, so that all four are usually under way together; of each kind one is computed in any case.
    const flat = { create: { width: 4000, height: 3000, channels: 3, background: '#336699' } } as const;
    const slow = await sharp(flat).jpeg({ progressive: true }).toBuffer();
    const asked = ['?explain=true', '', '?explain=true', ''];
    const jobs = await Promise.all(asked.map(async (query) => jobOf(await post(slow, query))));
    expect(jobs.filter(({ cache }) => cache === undefined)).toHaveLength(2);
    const [first, , third] = jobs as [Job, Job, Job, Job];
    expect(first.explanation).toEqual(third.explanation);
    expect(await heatMap(first)).toEqual(await heatMap(third));
    for (const each of [jobs[1], jobs[3]]) expect(each).not.toHaveProperty('explanation');
  });

  it('is made again where what was kept is of another form', async () => {
    const image = await newPicture();
    const [model] = (
      (await (await request('/v1/models')).json()) as { models: { name: string; version: string }[] }
    ).models.filter(({ name }) => name === testModel);
    const name = resultName(resultScope('ann'), model ?? { name: '' }, await sha256Hex(image), true) ?? '';
    await redis.set(keys.result(name), JSON.stringify({ predictions: [], explanation: {}, png: '' }));
    const job = await jobOf(await post(image, '?explain=true'));
    expect(job.cache).toBeUndefined();
    await heatMap(job);
  });

  it('may be an item of a batch', async () => {
    const form = new FormData();
    for (let item = 0; item < 3; item += 1)
      form.append('images', new Blob([new Uint8Array(await newPicture())]), `${item}.png`);
    form.append('explain', 'true');
    const response = await request('/v1/batches', { method: 'POST', body: form, headers: { prefer: 'wait=30' } });
    const batch = (await response.json()) as { links: { results: string } };
    const results = await request(batch.links.results, { headers: { accept: 'application/json' } });
    const items = (await results.json()) as BatchResult[];
    expect(items).toHaveLength(3);
    for (const { job } of items) {
      expect(job?.explanation?.label).toBe(job?.predictions?.[0]?.label);
      await heatMap(job as Job);
    }
  });

  it('is refused where the model cannot, and where the option says neither yes nor no', async () => {
    const image = await newPicture();
    const refused = await problemOf(await post(image, `?explain=true&model=${blind}`));
    expect(refused).toMatchObject({ status: 422, code: 'explanation_unsupported', retryable: false });
    expect(refused.detail).toContain(testModel);
    expect(refused.errors).toMatchObject([{ pointer: '#/explain' }]);
    expect((await problemOf(await post(image, '?explain=maybe'))).code).toBe('option_invalid');
    const form = new FormData();
    form.append('images', new Blob([new Uint8Array(image)]), 'a.png');
    form.append('explain', 'true');
    form.append('model', blind);
    const batch = await request('/v1/batches', { method: 'POST', body: form });
    expect((await problemOf(batch)).code).toBe('explanation_unsupported');
    const { models } = (await (await request('/v1/models')).json()) as { models: { name: string }[] };
    expect(models).toEqual([
      expect.objectContaining({ name: blind, explainable: false }),
      expect.objectContaining({ name: testModel, explainable: true }),
    ]);
  });

  it('keeps one map, whoever runs its order again', async () => {
    const store = new JobStore(redis);
    const queue = new Queue(classifyQueueName(testModel), { connection: redis, prefix: keyPrefix });
    const id = await submitOrder(store, queue, await newPicture(), { explain: true });
    const outcome = await outcomeOf(store, id);
    const { png } = (await store.readExplanation(id)) ?? {};
    expect(png?.subarray(1, 4).toString()).toBe('PNG');
    // As a thawed worker would, when it is done with what another has finished.
    expect(await store.finish(id, outcome, 60, { png: Buffer.from('late') })).toBe('already_finished');
    expect((await store.readExplanation(id))?.png).toEqual(png);
    await queue.close();
  });
});

/** Where the mass of a heat map is: the part of its opacity in each quarter, from the top left. */
function quarters({ data, width, height }: { data: Buffer; width: number; height: number }): number[] {
  const sums = [0, 0, 0, 0];
  for (let at = 3, pixel = 0; at < data.length; at += 4, pixel += 1) {
    const quarter = (pixel % width >= width / 2 ? 1 : 0) + (Math.floor(pixel / width) >= height / 2 ? 2 : 0);
    sums[quarter] = (sums[quarter] ?? 0) + (data[at] ?? 0);
  }
  const all = sums.reduce((sum, part) => sum + part, 0);
  return sums.map((part) => part / all);
}

describe('a heat map', () => {
  const photos: readonly [string, () => Buffer][] = havePhotos
    ? [
        ['pizza', () => photoFile('n07873807_pizza')],
        ['monarch', () => photoFile('n02279972_monarch')],
      ]
    : [];
  const things = [
    ['wall clock', () => picture('wall clock')],
    ['crossword puzzle', () => picture('crossword puzzle')],
    ['traffic light', () => picture('traffic light')],
    ['umbrella', () => picture('umbrella')],
    ...photos,
  ] as const;
  it.each(things.map(([label, bytes], index) => ({ label, bytes, quarter: index % 4 })))(
    'is where the $label is',
    async ({ label, bytes, quarter }) => {
      const side = 300;
      const thing = await sharp(bytes()).resize(side, side, { fit: 'cover' }).png().toBuffer();
      const [left, top] = [(quarter % 2) * side, Math.floor(quarter / 2) * side];
      const canvas = sharp({ create: { width: 2 * side, height: 2 * side, channels: 3, background: '#7c7468' } });
      const image = await canvas
        .composite([{ input: thing, left, top }])
        .png()
        .toBuffer();
      const job = await jobOf(await post(image, '?explain=true'));
      expect(job.explanation?.label).toContain(label);
      const parts = quarters(await heatMap(job));
      expect(parts[quarter]).toBeGreaterThan(0.6);
    },
  );
});
