/** GET /v1/jobs: whose jobs, in which order, whatever comes and goes between two pages. */
import { createApiKey, JobList, JobStore, BatchStore, keys, scriptOf, Redis } from '@quintet/shared';
import type { Batch, Job, JobRecord, Outcome } from '@quintet/shared';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listJobs, type ListContext } from '../../services/api/src/jobs/list-jobs.js';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import type { ServiceProcess } from '../support/service-process.js';
import { problemOf, startReadyApi } from './api-harness.js';
import { batchOf, formOf } from './batches-harness.js';

let server: RedisServer;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(() => redis.flushall());

const client = { name: 'shop', scopes: new Set(['read'] as const) };
const ended: Outcome = { status: 'succeeded', finished_at: new Date(1).toISOString() };

/** Every job waits: none is in a queue that anybody looks at. */
const idle: ListContext['positions'] = {
  snapshot: () =>
    Promise.resolve({
      begunAt: 0,
      known: 0,
      truncated: false,
      position: () => undefined,
      isActive: () => false,
      place: (position) => ({ position }),
    }),
};

class Shop {
  readonly jobs = new JobStore(redis);
  readonly batches = new BatchStore(redis);
  readonly list = new JobList(redis);
  /** Of the jobs that are kept, in the order of their acceptance. */
  readonly kept: string[] = [];
  #count = 0;

  async submit(kind: 'waits' | 'cached' | 'ends'): Promise<void> {
    const record = this.#record();
    if (kind === 'cached') await this.jobs.createFinished(record, ended, 100);
    else await this.jobs.create(record, undefined, 100);
    if (kind === 'ends') await this.jobs.finish(record.id, ended, 100);
    this.kept.push(record.id);
  }

  async submitBatch(size: number, sealed: boolean): Promise<void> {
    const batch = this.#record();
    const records = Array.from({ length: size }, () => ({ ...this.#record(), batch: batch.id }));
    const items = records.map(({ id }) => ({ jobId: id, name: id }));
    await this.batches.open({ ...batch, top_k: 5 }, items);
    await this.batches.keepItems(records, 0, { queueSeconds: 100, resultSeconds: 100 });
    if (!sealed) return;
    await this.batches.seal(batch.id, size, 100, 100);
    this.kept.push(...records.map(({ id }) => id));
  }

  /** As a record goes whose time is over. */
  async expire(at: number): Promise<void> {
    const [id] = this.kept.splice(at % this.kept.length, 1);
    if (id !== undefined) await redis.unlink(keys.job(id));
  }

  page(limit: number, after?: string, status?: Job['status']) {
    return listJobs({ list: this.list, positions: idle }, { limit, after, status }, client);
  }

  /** Ids of all pages; `between` runs after each. */
  async walk(limit: number, status?: Job['status'], between: () => Promise<void> = () => Promise.resolve()) {
    const ids: string[] = [];
    let after: string | undefined;
    do {
      const page = await this.page(limit, after, status);
      expect(page.jobs.length).toBeLessThanOrEqual(limit);
      ids.push(...page.jobs.map(({ id }) => id));
      after = page.next;
      await between();
    } while (after !== undefined);
    return ids;
  }

  #record() {
    const id = `00000000-0000-4000-8000-${String(this.#count++).padStart(12, '0')}`;
    const record = {
      id,
      model: { name: 'm' },
      created_at: new Date(0).toISOString(),
      metadata: {},
      owner: client.name,
    };
    return record satisfies JobRecord;
  }
}

describe('the list of jobs', () => {
  it('has every job that is kept once, newest first, whatever is submitted and expires while it is read', async () => {
    const submission = fc.oneof(
      fc.constantFrom('waits', 'cached', 'ends').map((kind) => ({ kind })),
      fc.record({ size: fc.integer({ min: 1, max: 40 }), sealed: fc.boolean() }),
    );
    const change = fc.oneof(submission, fc.record({ expire: fc.nat() }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(submission, { maxLength: 40 }),
        fc.array(fc.array(change, { maxLength: 8 }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 20 }),
        async (before, during, limit) => {
          await redis.flushall();
          const shop = new Shop();
          const apply = async (each: (typeof during)[number][number]): Promise<void> => {
            if ('kind' in each) await shop.submit(each.kind);
            else if ('size' in each) await shop.submitBatch(each.size, each.sealed);
            else await shop.expire(each.expire);
          };
          for (const each of before) await apply(each);
          const there = [...shop.kept].reverse();
          const changes = during[Symbol.iterator]();
          const ids = await shop.walk(limit, undefined, async () => {
            for (const each of changes.next().value ?? []) await apply(each);
          });
          const kept = new Set(shop.kept);
          const place = new Map(there.map((id, index) => [id, index]));
          // In their order, none twice, none that came after the first page.
          const places = ids.map((id) => place.get(id) ?? NaN);
          expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
          expect(ids).toEqual(expect.arrayContaining(there.filter((id) => kept.has(id))));
        },
      ),
      { numRuns: 30 },
    );
  });

  it('looks at so many jobs of another status and no more, and goes on with the next page', async () => {
    const shop = new Shop();
    await shop.submit('waits');
    for (let batch = 0; batch < 30; batch += 1) await shop.submitBatch(40, true);
    await shop.submit('ends');
    const [oldest = '', newest = ''] = [shop.kept[0], shop.kept.at(-1)];
    await shop.jobs.finish(oldest, ended, 100);
    const first = await shop.page(20, undefined, 'succeeded');
    expect(first.jobs.map(({ id }) => id)).toEqual([newest]);
    expect(first.next).toBeDefined();
    expect(await shop.walk(20, 'succeeded')).toEqual([newest, oldest]);
  });

  it('keeps little more than what is kept, whatever expires, and nothing for ever', async () => {
    const shop = new Shop();
    const list = keys.jobs(client.name);
    for (let round = 0; round < 600; round += 1) {
      await shop.submit(round % 2 === 0 ? 'cached' : 'waits');
      // All but the newest fifty, and one that waits at the very end.
      if (shop.kept.length > 51) await shop.expire(1);
    }
    expect(await redis.xlen(list)).toBeLessThanOrEqual(6 * 51);
    expect(await redis.pttl(list)).toBeGreaterThan(200_000);
    expect(await redis.pttl(list)).toBeLessThanOrEqual(260_000);
    expect(scriptOf('keep-jobs').lua).toContain("'MAXLEN', '~', 1000000");
  });
});

describe('GET /v1/jobs', () => {
  const made = {
    shop: createApiKey('shop', ['submit', 'read']),
    press: createApiKey('press', ['submit', 'read']),
    writer: createApiKey('writer', ['submit']),
    boss: createApiKey('boss', ['admin']),
  };
  type Key = keyof typeof made;
  const as = (key: Key) => ({ Authorization: `Bearer ${made[key].key}` });
  let api: ServiceProcess;
  let image: Buffer;

  beforeAll(async () => {
    image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
    const entries = Object.values(made).map(({ entry }) => entry);
    api = await startReadyApi(server.url, { API_KEYS: JSON.stringify(entries), RATE_LIMIT_PER_MINUTE: '100' });
  });
  afterAll(async () => {
    expect(await api.end()).toBe(0);
  });

  const submit = async (key: Key): Promise<string> => {
    const headers = { 'Content-Type': 'image/jpeg', ...as(key) };
    const body = new Uint8Array(image);
    const response = await api.request('/v1/jobs', { method: 'POST', body, headers });
    return ((await response.json()) as Job).id;
  };
  const list = async (key: Key, query = '') => {
    const response = await api.request(`/v1/jobs${query}`, { headers: as(key) });
    expect(response.status).toBe(200);
    return (await response.json()) as { jobs: Job[]; next_cursor?: string };
  };

  it('is of the key’s own jobs, items of batches among them, by cursor', async () => {
    const ids = [await submit('shop'), await submit('shop'), await submit('shop')];
    const other = await submit('press');
    const form = formOf([{ name: 'a.jpg', content: image }]);
    const sent = await api.request('/v1/batches', { method: 'POST', body: form, headers: as('shop') });
    const batch: Batch = await batchOf(sent);
    const first = await list('shop', '?limit=2');
    expect(first.jobs.map(({ id }) => id)).toEqual([expect.any(String), ids[2]]);
    expect(first.jobs[0]).toMatchObject({ batch: batch.id, status: 'queued', queue: { position: 3 + 1 } });
    await submit('shop');
    const second = await list('shop', `?limit=2&cursor=${first.next_cursor ?? ''}`);
    expect(second.jobs.map(({ id }) => id)).toEqual([ids[1], ids[0]]);
    expect(second.next_cursor).toBeUndefined();
    expect((await list('press')).jobs.map(({ id }) => id)).toEqual([other]);
    expect(await list('boss')).toEqual({ jobs: [] });
    // A cursor of another client is a place, and no more.
    expect((await list('press', `?cursor=${first.next_cursor ?? ''}`)).jobs.map(({ id }) => id)).toEqual([]);
    const refused = await api.request('/v1/jobs', { headers: as('writer') });
    expect([refused.status, (await problemOf(refused)).code]).toEqual([403, 'scope_missing']);
    const anonymous = await api.request('/v1/jobs');
    expect([anonymous.status, (await problemOf(anonymous)).code]).toEqual([401, 'api_key_missing']);
  });

  it('filters by status, and reading ends nothing', async () => {
    const waiting = await submit('shop');
    const canceled = await submit('shop');
    await api.request(`/v1/jobs/${canceled}`, { method: 'DELETE', headers: as('shop') });
    const succeeded = await submit('shop');
    await new JobStore(redis).finish(succeeded, ended, 100);
    // Its queue entry is lost: a reader of this one job would end it, the list does not.
    await redis.unlink(`{quintet}:classify-resnet50:${waiting}`);
    const statuses = ['queued', 'processing', 'succeeded', 'failed', 'canceled', 'expired'];
    const found = await Promise.all(statuses.map((status) => list('shop', `?status=${status}`)));
    expect(found.map(({ jobs }) => jobs.map(({ id }) => id))).toEqual([[waiting], [], [succeeded], [], [canceled], []]);
    expect(await redis.hexists(keys.job(waiting), 'outcome')).toBe(0);
  });

  it('says what is wrong with a query, and counts as reading', async () => {
    const problems = {
      '?limit=0': 'option_invalid',
      '?limit=101': 'option_invalid',
      '?limit=ten': 'option_invalid',
      '?status=done': 'option_invalid',
      '?status=failed&status=queued': 'option_invalid',
      '?cursor=': 'option_invalid',
      '?cursor=MS0xIA': 'option_invalid',
      '?cursor=Ky0r': 'option_invalid',
      [`?cursor=${Buffer.from('99999999999999999-1').toString('base64url')}`]: 'option_invalid',
      '?page=2': 'option_unknown',
    };
    for (const [query, code] of Object.entries(problems)) {
      const response = await api.request(`/v1/jobs${query}`, { headers: as('shop') });
      expect([query, response.status, (await problemOf(response)).code]).toEqual([query, 400, code]);
    }
    const head = await api.request('/v1/jobs', { method: 'HEAD', headers: as('shop') });
    expect([head.status, head.headers.get('ratelimit-policy')]).toEqual([200, '"read";q=1000;w=60']);
    expect(await list('shop')).toEqual({ jobs: [] });
  });
});
