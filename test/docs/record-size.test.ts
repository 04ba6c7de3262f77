/** What the pages say that Redis keeps of a job, against a real Redis and the largest job that may be submitted. */
import { readFile } from 'node:fs/promises';
import { jobOptionsSchema, JobStore, ResultCache, resultName, type JobRecord, type Outcome } from '@quintet/shared';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type RedisServer } from '../support/redis-server.js';

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

const url = 'https://example.com/hooks?token='.padEnd(2048, 'x');
const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`key-${i}`.padEnd(8), 'x'.repeat(497)]));
const model = { name: 'm'.repeat(64), version: 'v'.repeat(64), weights: 'pretrained' } as const;
/** As long as ImageNet's longest. */
const label = 'x'.repeat(30);
const predictions = Array.from({ length: 20 }, (_, index) => ({
  label,
  wnid: 'n01234567',
  index,
  score: 0.123456789012345,
}));
const region = {
  left: 0.123456789012345,
  top: 0.123456789012345,
  width: 0.7512345678901234,
  height: 0.7512345678901234,
};
const explanation = { label, wnid: 'n01234567', index: 0, rows: 7, columns: 7, region };
/** The largest that bench/records.mjs has seen. */
const png = Buffer.alloc(5000, 1);

/** What docs/operations.md allows at most, in bytes: a record, and a kept answer. */
async function documented(): Promise<readonly [record: number, answer: number]> {
  const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const [, record, answer] = /the largest at most (\d+) kB and (\d+) kB/.exec(page) ?? [];
  return [Number(record) * 1000, Number(answer) * 1000];
}

describe('what is documented of the memory of a result', () => {
  it('is true of the largest', async () => {
    const options = { metadata, webhook_url: url, webhook_events: ['job.succeeded', 'job.failed'], top_k: 20 };
    expect(jobOptionsSchema.safeParse(options).success).toBe(true);
    expect(jobOptionsSchema.safeParse({ ...options, metadata: { ...metadata, more: 'x' } }).success).toBe(false);
    const id = '01234567-89ab-4cde-8f01-23456789abcd';
    const now = new Date().toISOString();
    const record: JobRecord = {
      ...{ id, model, created_at: now, metadata, owner: 'o'.repeat(64), batch: id, deadline_ms: 1_900_000_000_000 },
      webhook: { url, events: ['job.succeeded', 'job.failed', 'job.canceled', 'job.expired'] },
    };
    const timing = { queue: 1.234, fetch: 1.234, preprocess: 1.234, batch_wait: 1.234, inference: 1.234, total: 9.876 };
    const outcome: Outcome = {
      ...{ status: 'succeeded', model, started_at: now, finished_at: now, predictions, explanation, timing_ms: timing },
      ...{ batch_size: 64, worker: 'w'.repeat(64), device: 'cuda:0 NVIDIA H100 80GB HBM3' },
    };
    const store = new JobStore(redis);
    await store.create(record, Buffer.alloc(1000), 60);
    const name = resultName('s'.repeat(32), model, 'd'.repeat(64), true) ?? '';
    const shared = { name, predictions, explained: { explanation, png }, ttlSeconds: 60 };
    expect(await store.finish(id, outcome, 60, { shared, png })).toBe('finished');
    expect(await new ResultCache(redis).find(name)).toBeDefined();
    const usage = async (pattern: string): Promise<number> => {
      const [key = ''] = await redis.keys(pattern);
      return (await redis.memory('USAGE', key, 'SAMPLES', 0)) ?? Infinity;
    };
    const [mostOfRecord, mostOfAnswer] = await documented();
    const [ofRecord, ofAnswer] = [await usage('{quintet}:job:*'), await usage('{quintet}:result:*')];
    expect(ofRecord).toBeLessThanOrEqual(mostOfRecord);
    expect(ofRecord).toBeGreaterThan(mostOfRecord / 2);
    expect(ofAnswer).toBeLessThanOrEqual(mostOfAnswer);
    expect(ofAnswer).toBeGreaterThan(mostOfAnswer / 2);
    // The picture is gone.
    expect(await redis.keys('{quintet}:image:*')).toEqual([]);
  });
});
