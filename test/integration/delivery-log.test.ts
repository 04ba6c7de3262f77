/** The delivery log on a real Redis: who sees what in which order, what is forgotten, and races. */
import {
  DeliveryIndex,
  DeliveryLog,
  DisabledEndpoints,
  deliveryStates,
  endpointFingerprint,
  keptAttempts,
  keys,
  mostListed,
  readCursor,
  Redis,
  writeCursor,
  type DeliveryHead,
  type DeliveryPlace,
  type DeliveryState,
} from '@quintet/shared';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startRedis, type RedisServer } from '../support/redis-server.js';

let server: RedisServer;
let redis: Redis;
let log: DeliveryLog;
let index: DeliveryIndex;
const resultSeconds = 3600;
const start = Date.now();

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  log = new DeliveryLog(redis, resultSeconds);
  index = new DeliveryIndex(redis, log);
});
beforeEach(() => redis.flushall());
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const head = (owner?: string): DeliveryHead => ({
  kind: 'job',
  source: 'j',
  event: 'job.succeeded',
  url: 'https://example.com/hook',
  created_at: new Date(start).toISOString(),
  ...(owner === undefined ? {} : { owner }),
  endpoint: 'f',
});
const attempt = (n: number) => ({ at: new Date(start + n).toISOString(), outcome: 'http_error', duration_ms: n });

const ids = async (query: { owner?: string; state?: DeliveryState; limit?: number; after?: DeliveryPlace }) =>
  (await index.list({ limit: 100, ...query })).deliveries.map(({ id }) => id);

describe('DeliveryIndex', () => {
  it('shows an owner its own, everybody all, by state, those that changed last first', async () => {
    await log.note('msg_1', head('ada'), { state: 'pending', now: start });
    await log.note('msg_2', head('bob'), { state: 'failed', now: start + 1 });
    await log.note('msg_3', head('ada'), { state: 'delivered', now: start + 2 });
    await log.note('msg_4', head(), { state: 'failed', now: start + 3 });
    expect(await ids({})).toEqual(['msg_4', 'msg_3', 'msg_2', 'msg_1']);
    expect(await ids({ owner: 'ada' })).toEqual(['msg_3', 'msg_1']);
    expect(await ids({ owner: 'bob', state: 'pending' })).toEqual([]);
    expect(await ids({ state: 'failed' })).toEqual(['msg_4', 'msg_2']);
    await log.note('msg_1', head('ada'), { state: 'failed', now: start + 4 });
    expect(await ids({ owner: 'ada' })).toEqual(['msg_1', 'msg_3']);
    expect(await ids({ owner: 'ada', state: 'pending' })).toEqual([]);
  });

  it('has an owner of any name, who is not taken for another', async () => {
    await log.note('msg_1', head('all'), { state: 'failed', now: start });
    await log.note('msg_2', head('a:failed'), { state: 'failed', now: start });
    expect(await ids({ owner: 'all' })).toEqual(['msg_1']);
    expect(await ids({ owner: 'a' })).toEqual([]);
  });

  it('gives every delivery once, page by page, also those of one millisecond and between forgotten ones', async () => {
    const made: string[] = [];
    for (let i = 0; i < 40; i++) {
      const state = deliveryStates[i % 3] ?? 'failed';
      await log.note(`msg_${i}`, head(), { state, now: start + Math.floor(i / 15) });
      if (i % 7 === 3) await redis.unlink(keys.delivery(`msg_${i}`));
      else made.push(`msg_${i}`);
    }
    const whole = await ids({});
    expect([...whole].sort()).toEqual([...made].sort());
    for (const limit of [1, 3, 7]) {
      const seen: string[] = [];
      let after: DeliveryPlace | undefined;
      do {
        const page = await index.list({ limit, after });
        seen.push(...page.deliveries.map(({ id }) => id));
        after = page.next === undefined ? undefined : readCursor(writeCursor(page.next));
      } while (after !== undefined);
      expect(seen).toEqual(whole);
    }
  });

  it('reads any cursor, or says that it is none', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const place = readCursor(text);
        if (place !== undefined) expect(readCursor(writeCursor(place))).toEqual(place);
      }),
    );
    expect(readCursor(writeCursor({ time: start, id: 'msg_a-b' }))).toEqual({ time: start, id: 'msg_a-b' });
  });
});

describe('DeliveryLog', () => {
  it('is bounded: attempts, lists and time', async () => {
    const id = 'msg_1';
    for (let n = 0; n < keptAttempts + 5; n++) {
      await log.note(id, head('ada'), { state: 'failed', now: start + n, attempt: attempt(n) });
    }
    const { delivery } = (await log.read(id)) ?? {};
    expect(delivery?.attempts).toHaveLength(keptAttempts);
    expect(delivery?.attempts.at(-1)?.duration_ms).toBe(keptAttempts + 4);
    for (const key of await redis.keys('*')) expect([key, await redis.ttl(key)]).toEqual([key, expect.any(Number)]);
    for (const key of await redis.keys('*')) expect(await redis.ttl(key), key).toBeGreaterThan(0);

    const set = keys.deliveries('failed');
    const entries = Array.from({ length: mostListed + 50 }, (_, n) => [start + n, `old_${n}`]).flat();
    await redis.zadd(set, ...entries);
    await redis.zadd(set, start - 8 * 86_400_000, 'long_ago');
    await log.note(id, head('ada'), { state: 'failed', now: start + 10 ** 6 });
    expect(await redis.zcard(set)).toBe(mostListed);
    expect(await redis.zscore(set, 'long_ago')).toBeNull();
    expect(await redis.zrevrange(set, 0, 0)).toEqual([id]);
  });

  it('keeps a success as long as a result, a failure a week, and what waits until after its next attempt', async () => {
    const ttl = async (id: string): Promise<number> => (await redis.pttl(keys.delivery(id))) / 1000;
    const week = 7 * 86_400;
    await log.note('msg_1', head(), { state: 'delivered', now: start });
    await log.note('msg_2', head(), { state: 'failed', now: start });
    await log.note('msg_3', head(), { state: 'pending', now: start, next: start + 86_400_000 });
    expect(await ttl('msg_1')).toBeCloseTo(resultSeconds, -1);
    expect(await ttl('msg_2')).toBeCloseTo(week, -1);
    expect(await ttl('msg_3')).toBeCloseTo(week + 86_400, -1);
  });

  it('lets one of many reopen a delivery, and none once it has changed', async () => {
    await log.note('msg_1', head(), { state: 'failed', now: start, attempt: attempt(1), next: start });
    const was = await log.peek('msg_1');
    if (was === undefined) throw new Error('it is not there');
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, n) => log.reopen('msg_1', was, `entry_${n}`, start + 1)),
    );
    expect(all.filter(Boolean)).toHaveLength(1);
    expect(await log.peek('msg_1')).toMatchObject({ state: 'pending', entry: `entry_${all.indexOf(true)}` });
    expect(await log.reopen('msg_1', was, 'late', start + 2)).toBe(false);
    expect((await log.read('msg_1'))?.delivery).not.toHaveProperty('next_attempt_at');
  });

  it('writes nothing of what it does not know', async () => {
    await log.noteKnown('msg_1', { state: 'failed', now: start, attempt: attempt(1) });
    expect(await redis.keys('*')).toEqual([]);
  });
});

describe('DisabledEndpoints', () => {
  it('are of one owner and one address, whatever its spelling, and say who was the first', async () => {
    const endpoints = new DisabledEndpoints(redis);
    const of = endpointFingerprint;
    expect(of('ada', 'HTTPS://Example.com:443/a?b')).toBe(of('ada', 'https://example.com/a?b'));
    const others = [
      of('bob', 'https://example.com/a?b'),
      of(undefined, 'https://example.com/a?b'),
      of('ada', 'https://example.com/a?c'),
    ];
    const one = of('ada', 'https://example.com/a?b');
    expect(await Promise.all([endpoints.disable(one), endpoints.disable(one)])).toEqual([true, false]);
    for (const other of others) expect(await endpoints.isDisabled(other)).toBe(false);
    expect(await endpoints.isDisabled(one)).toBe(true);
    await endpoints.enable(one);
    expect(await endpoints.isDisabled(one)).toBe(false);
  });
});
