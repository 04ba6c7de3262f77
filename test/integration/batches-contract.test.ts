/** What holds for jobs holds for batches: owners, limits, keys to retry under, and shared answers. */
import { createApiKey, Redis } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { startStack, type Stack } from '../support/stack.js';
import { problemOf } from './api-harness.js';
import { batchOf, formOf, keysOf, type Picture } from './batches-harness.js';

const shop = createApiKey('shop', ['submit', 'read']);
const press = createApiKey('press', ['submit', 'read']);
const boss = createApiKey('boss', ['admin']);
const few = createApiKey('few', ['submit', 'read']);

let stack: Stack;
let redis: Redis;
let pictures: Picture[];

beforeAll(async () => {
  const entries = [shop.entry, press.entry, boss.entry, { ...few.entry, concurrency: 2, rate_per_minute: 8 }];
  stack = await startStack({ env: { API_KEYS: JSON.stringify(entries), RESULT_CACHE_TTL_SECONDS: '3600' } });
  redis = new Redis(stack.redis.url);
  pictures = await Promise.all(
    [40, 48, 56].map(async (width) => ({
      name: `${width}.png`,
      content: await makeImage({ format: 'png', width, height: 32 }),
    })),
  );
});
afterAll(async () => {
  redis.disconnect();
  await stack.stop();
});

interface Asking {
  readonly method?: string;
  readonly body?: FormData;
  readonly headers?: Readonly<Record<string, string>>;
}

const ask = (path: string, { key }: { key: string }, { headers, ...init }: Asking = {}): Promise<Response> =>
  fetch(stack.url + path, { ...init, headers: { Authorization: `Bearer ${key}`, ...headers } });

const submit = (
  who: { key: string },
  files: readonly Picture[],
  headers: Record<string, string> = {},
): Promise<Response> =>
  ask('/v1/batches', who, { method: 'POST', body: formOf(files), headers: { Prefer: 'wait=20', ...headers } });

describe('a batch of a client with a key', () => {
  it('does not exist for others, nor do its items; an admin sees it', async () => {
    const batch = await batchOf(await submit(shop, pictures));
    expect(batch.counts.succeeded).toBe(3);
    const [item] = (await (await ask(batch.links.results, shop)).json()) as { job: { id: string } }[];
    for (const path of [batch.links.self, batch.links.results, `/v1/jobs/${item?.job.id ?? ''}`]) {
      expect([path, (await ask(path, press)).status]).toEqual([path, 404]);
      expect([path, (await ask(path, boss)).status]).toEqual([path, 200]);
    }
    expect((await ask(batch.links.self, press, { method: 'DELETE' })).status).toBe(404);
  });

  it('is the same batch however often it is sent under one key', async () => {
    const key = { 'Idempotency-Key': 'shelf-17' };
    const first = await batchOf(await submit(press, pictures, key));
    const before = await keysOf(redis);
    const again = await submit(press, pictures, key);
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    expect((await batchOf(again)).id).toBe(first.id);
    expect((await keysOf(redis)).sort()).toEqual(before.sort());
    const other = await submit(press, pictures.slice(1), key);
    expect([other.status, (await problemOf(other)).code]).toEqual([422, 'idempotency_key_reused']);
    expect((await keysOf(redis)).sort()).toEqual(before.sort());
    // Keys belong to clients.
    expect((await batchOf(await submit(shop, pictures, key))).id).not.toBe(first.id);
  });

  it('may have as many pictures as its client may have open jobs, or none is taken', async () => {
    const before = await keysOf(redis);
    const refused = await submit(few, pictures);
    expect([refused.status, (await problemOf(refused)).code]).toEqual([429, 'concurrency_limited']);
    expect((await keysOf(redis)).sort()).toEqual(before.sort());
    // What has ended gives its places back, one by one.
    for (let round = 0; round < 2; round += 1) {
      expect((await batchOf(await submit(few, pictures.slice(0, 2)))).counts.succeeded).toBe(2);
    }
    // Each picture counts: the three that were refused, and these four, of eight a minute.
    const late = await submit(few, pictures.slice(0, 2));
    expect([late.status, (await problemOf(late)).code]).toEqual([429, 'rate_limited']);
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('shares answers with its client’s other jobs, unless it is told not to', async () => {
    const caches = async (headers: Record<string, string>) => {
      const batch = await batchOf(await submit(shop, pictures, headers));
      const results = (await (await ask(batch.links.results, shop)).json()) as { job: { cache?: string } }[];
      return results.map(({ job }) => job.cache);
    };
    expect(await caches({})).toEqual(['coalesced', 'coalesced', 'coalesced']);
    expect(await caches({ 'Cache-Control': 'no-cache' })).toEqual([undefined, undefined, undefined]);
  });
});
