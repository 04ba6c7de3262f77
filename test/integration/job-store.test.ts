/** The job's record, image and outcome in a real Redis. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  EndedJobsLog,
  JobStore,
  Presence,
  Redis,
  finishedChannel,
  latencyError,
  readFinished,
  keys,
  redisUnfit,
  type JobRecord,
  type Outcome,
} from '@quintet/shared';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/service-process.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';

let server: RedisServer;
let redis: Redis;
let store: JobStore;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  store = new JobStore(redis);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(() => redis.flushall());

const record: JobRecord = { id: 'a-1', model: { name: 'm' }, created_at: new Date(0).toISOString(), metadata: {} };
const outcome = (status: Outcome['status']): Outcome => ({ status, finished_at: new Date(1).toISOString() });
const image = Buffer.from([0, 255, 10, 13, 128]);

describe('JobStore', () => {
  it('keeps record and image byte for byte, with a limit on their life', async () => {
    await store.create(record, image, 100);
    expect(await store.read('a-1')).toEqual({ record });
    expect(await store.readImage('a-1')).toEqual({ image, known: true, ended: false });
    for (const key of [keys.job('a-1'), keys.image('a-1')]) expect(await redis.ttl(key)).toBeGreaterThan(90);
  });

  it('has sent all of a new job before a later command of the same connection', async () => {
    const created = store.create(record, Buffer.alloc(2_000_000, 1), 100);
    const seen = redis.pipeline().exists(keys.image('a-1')).hexists(keys.job('a-1'), 'record').exec();
    expect((await seen)?.map(([, value]) => value)).toEqual([1, 1]);
    await created;
  });

  it('takes the image of a job later, for as long as the job is kept', async () => {
    await store.create(record, undefined, 100);
    expect(await store.readImage('a-1')).toEqual({ image: undefined, known: true, ended: false });
    expect(await store.hasEnded('a-1')).toBe(false);
    expect(await store.addImage('a-1', image)).toBe(true);
    expect(await store.readImage('a-1')).toEqual({ image, known: true, ended: false });
    expect(await redis.ttl(keys.image('a-1'))).toBeGreaterThan(90);
  });

  it('takes no image for a job that has ended or is gone, and keeps nothing of it', async () => {
    await store.create(record, undefined, 100);
    await store.finish('a-1', outcome('canceled'), 50);
    for (const id of ['a-1', 'gone']) {
      expect(await store.hasEnded(id)).toBe(true);
      expect(await store.addImage(id, image)).toBe(false);
      expect(await redis.exists(keys.image(id))).toBe(0);
    }
    // Whichever comes first, of the image and the end.
    await store.create({ ...record, id: 'a-2' }, undefined, 100);
    await Promise.all([store.addImage('a-2', image), store.finish('a-2', outcome('canceled'), 50)]);
    expect(await redis.exists(keys.image('a-2'))).toBe(0);
  });

  it('lets exactly one of many finish a job, tells the others, and drops the image', async () => {
    await store.create(record, image, 100);
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) => store.finish('a-1', outcome(index % 2 ? 'canceled' : 'succeeded'), 50)),
    );
    expect(results.filter((result) => result === 'finished')).toHaveLength(1);
    expect(results.filter((result) => result === 'already_finished')).toHaveLength(19);
    expect((await store.read('a-1'))?.outcome).toEqual(outcome('succeeded'));
    expect(await store.readImage('a-1')).toEqual({ image: undefined, known: true, ended: true });
    expect(await redis.ttl(keys.job('a-1'))).toBeLessThanOrEqual(50);
  });

  it('does not bring back a job that is gone', async () => {
    expect(await store.finish('gone', outcome('failed'), 50)).toBe('unknown_job');
    expect(await redis.keys('*')).toEqual([]);
    expect(await store.read('gone')).toBeUndefined();
  });

  it('publishes the id and the outcome of a job that ends, once', async () => {
    await store.create(record, image, 100);
    const subscriber = new Redis(server.url);
    const heard: string[] = [];
    subscriber.on('message', (_, message: string) => heard.push(message));
    await subscriber.subscribe(finishedChannel);
    await store.finish('a-1', outcome('failed'), 50);
    await store.finish('a-1', outcome('failed'), 50);
    await redis.publish(finishedChannel, 'end');
    while (!heard.includes('end')) await delay(5);
    expect(heard.map((message) => readFinished(message).id)).toEqual(['a-1', 'end']);
    expect(readFinished(heard[0] ?? '').outcome()).toEqual(outcome('failed'));
    subscriber.disconnect();
  });
});

describe('EndedJobsLog', () => {
  const timing_ms = { queue: 900, fetch: 1, preprocess: 4, batch_wait: 0, inference: 50, total: 1000 };
  const log = (): EndedJobsLog => new EndedJobsLog(redis);

  it('has every job that ended once, whoever says how often that it did, and forgets it', async () => {
    for (const id of ['a-1', 'a-2', 'a-3']) await store.create({ ...record, id }, undefined, 100);
    await Promise.all(
      Array.from({ length: 20 }, () => store.finish('a-1', { ...outcome('succeeded'), timing_ms }, 50)),
    );
    await store.finish('a-2', outcome('expired'), 50);
    await store.finish('a-3', { ...outcome('succeeded'), timing_ms, cache: 'coalesced' }, 50);
    await store.finish('gone', outcome('failed'), 50);
    const stored = { ...timing_ms, total: 2 };
    await store.createFinished(
      { ...record, id: 'a-4' },
      { ...outcome('succeeded'), timing_ms: stored, cache: 'hit' },
      50,
    );
    const { counts, history, latencies } = await eventually(async () => {
      const read = await log().read();
      expect(read.counts).toEqual({ succeeded: 3, failed: 0, canceled: 0, expired: 1 });
      return read;
    });
    expect(history.reduce((sum, step) => sum + step.counts.succeeded, 0)).toBe(counts.succeeded);
    // Of the one that was run: the others had another's answer, and no phases of their own.
    for (const phase of ['total', 'queue', 'preprocess', 'inference'] as const) {
      for (const part of [0, 1]) {
        expect(Math.abs((latencies[phase].quantile(part) ?? NaN) / timing_ms[phase] - 1)).toBeLessThan(latencyError);
      }
    }
    const ttls = (await Promise.all(keys.ended.map((key) => redis.pttl(key)))).filter((ttl) => ttl !== -2);
    expect(ttls.length).toBeGreaterThan(0);
    for (const ttl of ttls) expect([ttl > 0, ttl <= 120_000]).toEqual([true, true]);
  });
});

describe('Presence', () => {
  const worker = {
    id: 'w1',
    model: { name: 'm', version: 'sha256:0', weights: 'demo' as const },
    device: 'cpu',
    since: new Date(0).toISOString(),
    streams: 2,
    max_batch_size: 4,
    rate: 12.5,
  };

  it('lists who announces itself, until it withdraws or its heartbeat ends; the model stays known', async () => {
    const presence = new Presence(redis);
    await presence.announce(worker);
    await presence.announce({ ...worker, id: 'w2' });
    expect((await presence.workers()).map(({ id }) => id)).toEqual(['w1', 'w2']);
    await presence.withdraw('w1');
    await redis.pexpire(keys.worker('w2'), 1);
    while ((await redis.exists(keys.worker('w2'))) === 1) await delay(1);
    expect(await presence.workers()).toEqual([]);
    expect(await redis.zcard(keys.workers)).toBe(0);
    expect([...(await presence.models()).keys()]).toEqual(['m']);
  });
});

describe('redisUnfit', () => {
  it('names an evicting policy', async () => {
    expect(await redisUnfit(redis)).toBeUndefined();
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await redisUnfit(redis)).toContain('allkeys-lru');
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
  });
});
