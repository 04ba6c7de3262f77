/** What a client says that a picture really shows: kept with its job, as long as that, for its client alone. */
import { createApiKey, JobStore, keys, Presence, Redis, type JobRecord, type Outcome } from '@quintet/shared';
import { Quintet, type BatchResult, type Job } from '@quintet/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import type { ServiceProcess } from '../support/service-process.js';
import { jobOf, problemOf, startReadyApi, startWorker } from './api-harness.js';

const shop = createApiKey('shop', ['submit', 'read']);
const press = createApiKey('press', ['submit', 'read']);
const reader = createApiKey('reader', ['read']);
const model = { name: 'resnet50', version: 'sha256:0123' };
const classes = [
  { label: 'crane', wnid: 'n02012849', index: 134 },
  { label: 'tabby', wnid: 'n02123045', index: 281 },
  { label: 'crane', wnid: 'n03126707', index: 517 },
];
const predictions = [
  { label: 'electric ray', wnid: 'n01496331', index: 5, score: 0.6 },
  { label: 'maillot', wnid: 'n03710637', index: 638, score: 0.2 },
  { label: 'maillot', wnid: 'n03710721', index: 639, score: 0.1 },
];
const answer = (): Outcome => ({ status: 'succeeded', model, finished_at: new Date().toISOString(), predictions });

let server: RedisServer;
let redis: Redis;
let store: JobStore;
let api: ServiceProcess;
let client: Quintet;
let id: string;
let made = 0;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  store = new JobStore(redis);
  await new Presence(redis).announceLabels(model, classes);
  const entries = [shop.entry, press.entry, reader.entry];
  api = await startReadyApi(server.url, { API_KEYS: JSON.stringify(entries) });
  client = new Quintet({ url: api.url, apiKey: shop.key, retrySeconds: 0 });
});
afterAll(async () => {
  await api.end();
  redis.disconnect();
  await server.stop();
});

const recordOf = (): JobRecord => {
  made += 1;
  const ending = made.toString(16).padStart(12, '0');
  const created_at = new Date().toISOString();
  return { id: `00000000-0000-4000-8000-${ending}`, model, created_at, metadata: {}, owner: 'shop' };
};
beforeEach(async () => {
  const record = recordOf();
  ({ id } = record);
  await store.createFinished(record, answer(), 1000);
});

const ask = (method: string, { key } = shop, body?: unknown, job = id): Promise<Response> =>
  api.request(`/v1/jobs/${job}/correction`, {
    method,
    headers: { Authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
const codeOf = async (response: Response): Promise<[number, string]> => [
  response.status,
  (await problemOf(response)).code,
];

describe('a correction', () => {
  it('is a member of its job, is replaced, and is taken back', async () => {
    const corrected = await client.correct(id, '  tabby ');
    expect(corrected).toMatchObject({ id, predictions, correction: classes[1] });
    expect(await client.get(id)).toEqual(corrected);
    expect((await client.correct(id, 'my own “cat” 🐈')).correction).toEqual({
      label: 'my own “cat” 🐈',
      at: expect.any(String) as string,
    });
    const before = await client.uncorrect(id);
    expect(before).not.toHaveProperty('correction');
    expect(await client.uncorrect(id)).toEqual(before);
    expect(await client.get(id)).toEqual(before);
  });

  it('names a class of the model, whichever is meant', async () => {
    const [bird, tabby, machine] = classes;
    const cases: [object, object | undefined][] = [
      [{ label: 'TABBY' }, tabby],
      [{ label: 'crane', index: 517 }, machine],
      [{ label: 'Crane', index: 134 }, bird],
      // Which of the two nobody knows.
      [{ label: 'crane' }, undefined],
      [{ label: 'maillot' }, undefined],
      [
        { label: 'maillot', index: 639 },
        { label: 'maillot', wnid: 'n03710721', index: 639 },
      ],
      // Of predictions it is known also where the labels are not.
      [{ label: 'electric ray' }, { label: 'electric ray', wnid: 'n01496331', index: 5 }],
    ];
    for (const [body, wanted = { label: Object.values(body)[0] as string }] of cases) {
      const { correction } = await jobOf(await ask('PUT', shop, body));
      expect(correction).toEqual({ ...wanted, at: correction?.at });
    }
    expect(await codeOf(await ask('PUT', shop, { label: 'tabby', index: 134 }))).toEqual([400, 'option_invalid']);
  });

  it('is kept exactly as long as its job, and makes no job that is gone', async () => {
    const before = await redis.pttl(keys.job(id));
    await client.correct(id, 'tabby');
    const left = await redis.pttl(keys.job(id));
    expect(left).toBeLessThanOrEqual(before);
    expect(left).toBeGreaterThan(900_000);
    await redis.unlink(keys.job(id));
    for (const method of ['PUT', 'DELETE']) {
      const body = method === 'PUT' ? { label: 'tabby' } : undefined;
      expect(await codeOf(await ask(method, shop, body))).toEqual([404, 'job_not_found']);
    }
    expect(await redis.exists(keys.job(id))).toBe(0);
  });

  it('is of a job that has succeeded, of its own client, with a key that may', async () => {
    const open = recordOf();
    await store.create(open, undefined, 1000);
    const failed = recordOf();
    await store.createFinished(failed, { status: 'canceled', finished_at: new Date().toISOString() }, 1000);
    const label = { label: 'tabby' };
    expect(await codeOf(await ask('PUT', shop, label, open.id))).toEqual([409, 'job_not_succeeded']);
    expect(await codeOf(await ask('PUT', shop, label, failed.id))).toEqual([409, 'job_not_succeeded']);
    expect(await codeOf(await ask('DELETE', shop, undefined, failed.id))).toEqual([409, 'job_not_succeeded']);
    expect(await codeOf(await ask('PUT', press, label))).toEqual([404, 'job_not_found']);
    expect(await codeOf(await ask('PUT', reader, label))).toEqual([403, 'scope_missing']);
    expect(await codeOf(await ask('PUT', { ...shop, key: 'qk_wrong' }, label))).toEqual([401, 'api_key_invalid']);
    expect(await codeOf(await ask('PUT', shop, label, 'x'))).toEqual([400, 'job_id_invalid']);
    expect((await ask('GET')).headers.get('allow')).toBe('PUT, DELETE, OPTIONS');
  });

  it('is one text: everything else is refused by name', async () => {
    const cases: [unknown, string, string?][] = [
      [undefined, 'body_empty'],
      ['{', 'json_malformed'],
      ['[]', 'json_malformed'],
      [{}, 'option_invalid', '#/label'],
      [{ label: 7 }, 'option_invalid', '#/label'],
      [{ label: ' \n ' }, 'option_invalid', '#/label'],
      [{ label: 'a\u0000b' }, 'option_invalid', '#/label'],
      ['{"label": "\\ud800"}', 'option_invalid', '#/label'],
      [{ label: 'a'.repeat(201) }, 'option_invalid', '#/label'],
      [{ label: 'tabby', index: -1 }, 'option_invalid', '#/index'],
      [{ label: 'tabby', wnid: 'n02123045' }, 'option_unknown', '#/wnid'],
    ];
    for (const [body, code, pointer] of cases) {
      const problem = await problemOf(await ask('PUT', shop, body));
      expect([body, problem.code, problem.errors?.[0]?.pointer]).toEqual([body, code, pointer]);
    }
    expect(await client.get(id)).not.toHaveProperty('correction');
    expect((await client.correct(id, '€'.repeat(200))).correction?.label).toHaveLength(200);
  });
});

describe('the classes of a model', () => {
  it('are listed as its worker has told them', async () => {
    const headers = { Authorization: `Bearer ${reader.key}` };
    const listed = await api.request('/v1/models/resnet50/labels', { headers });
    expect(await listed.json()).toEqual({ model: 'resnet50', version: model.version, labels: classes });
    expect(await codeOf(await api.request('/v1/models/none/labels', { headers }))).toEqual([404, 'model_not_found']);
  });
});

describe('a correction of one picture of many', () => {
  it('is in the results of its batch, in every form, and in no other answer to the same picture', async () => {
    const worker = await startWorker(server, answer);
    try {
      const content = await makeImage({ format: 'jpeg', width: 64, height: 48 });
      const results: BatchResult[] = [];
      const files = ['a.jpg', 'b.jpg'].map((name) => ({ name, content: new Uint8Array(content) }));
      const batch = await client.submitBatch(files);
      await client.waitForBatch(batch.id);
      for await (const result of client.batchResults(batch.id)) results.push(result);
      const [first, second] = results.map(({ job }) => job as Job);
      await client.correct(second?.id ?? '', 'a toy, wet');
      const read = async (type: string): Promise<string> => {
        const headers = { Authorization: `Bearer ${shop.key}`, Accept: type };
        return (await api.request(batch.links.results, { headers })).text();
      };
      const rows = (await read('text/csv')).split('\r\n');
      expect(rows[0]?.endsWith(',correction')).toBe(true);
      expect(rows[1]?.endsWith(',')).toBe(true);
      expect(rows[2]?.endsWith(',"a toy, wet"')).toBe(true);
      const lines = (await read('application/x-ndjson')).trimEnd().split('\n');
      expect(lines.map((line) => (JSON.parse(line) as BatchResult).job?.correction?.label)).toEqual([
        undefined,
        'a toy, wet',
      ]);
      expect(await client.get(first?.id ?? '')).not.toHaveProperty('correction');
      expect(await client.classify(new Uint8Array(content))).not.toHaveProperty('correction');
    } finally {
      await worker.close();
    }
  });
});
