/**
 * The Lua scripts, run by the stores against a Redis Cluster of three nodes. MONITOR tells which keys each call was
 * given, and which it touched.
 */
import { createHash, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  BatchStore,
  CorrectionStore,
  DeliveryLog,
  EndedJobsLog,
  IdempotencyStore,
  JobList,
  JobStore,
  keys,
  OpenJobs,
  ResultCache,
  scriptNames,
  scriptOf,
  type ScriptName,
  type DeliveryHead,
  type JobRecord,
  type Outcome,
} from '@quintet/shared';
import { RateLimits } from '../../services/api/src/limits/rate-limits.js';
import { startRedisCluster, type RedisCluster } from '../support/redis-cluster.js';
import { eventually } from '../support/service-process.js';

let cluster: RedisCluster;
let redis: Redis;
let nodes: Redis[];
let rates: RateLimits;

beforeAll(async () => {
  cluster = await startRedisCluster();
  // What the stores call, a Cluster has too.
  redis = cluster.client as unknown as Redis;
  nodes = cluster.urls.map((url) => new Redis(url));
  await eventually(() => {
    expect(redis.status).toBe('ready');
  });
  rates = new RateLimits(redis);
  // A connection sends the text of a script once, and from then on its digest, by which the calls below are told apart.
  await useAll();
});
beforeEach(async () => {
  await Promise.all(nodes.map((node) => node.flushall()));
});
afterAll(async () => {
  for (const node of nodes) node.disconnect();
  await cluster.stop();
});

/** A call of a script. */
interface Call {
  readonly name: ScriptName;
  readonly keys: readonly string[];
  /** What it did inside Redis. */
  readonly commands: (readonly string[])[];
}

interface Watched {
  readonly calls: readonly Call[];
  /** Of all commands that the node was sent. */
  readonly mostWords: number;
}

/** What the nodes did during `act`. */
async function watch(act: () => Promise<void>): Promise<Watched> {
  const names = new Map(scriptNames.map((name) => [digestOf(name), name]));
  const calls: Call[] = [];
  let mostWords = 0;
  const end = randomUUID();
  const watches = await Promise.all(
    nodes.map(async (node) => {
      const monitor = await node.monitor();
      const ended = new Promise<void>((resolve) => {
        monitor.on('monitor', (_time: string, words: string[], source: string) => {
          const [command = '', digest = '', count = ''] = words;
          if (digest === end) resolve();
          else if (source === 'lua') calls.at(-1)?.commands.push(words);
          else {
            mostWords = Math.max(mostWords, words.length);
            const name = names.get(digest);
            if (/^evalsha$/i.test(command) && name)
              calls.push({ name, keys: words.slice(3, 3 + Number(count)), commands: [] });
          }
        });
      });
      return { monitor, ended };
    }),
  );
  await act();
  for (const node of nodes) await node.echo(end);
  for (const { monitor, ended } of watches) {
    await ended;
    monitor.disconnect();
  }
  return { calls, mostWords };
}

const digestOf = (name: ScriptName): string => createHash('sha1').update(scriptOf(name).lua).digest('hex');

/** The keys that a command touches, as Redis sees it. */
async function touched(words: readonly string[]): Promise<readonly string[]> {
  const keyless = ['TIME', 'PUBLISH'];
  if (keyless.includes(words[0]?.toUpperCase() ?? '')) return [];
  return (await nodes[0]?.call('COMMAND', 'GETKEYS', ...words).catch((error: unknown) => {
    throw new Error(`no keys of ${words.join(' ')}`, { cause: error });
  })) as string[];
}

const model = { name: 'm', version: 'v' };
const now = new Date().toISOString();
const recordOf = (more: Partial<JobRecord> = {}): JobRecord => ({
  ...{ id: randomUUID(), model, created_at: now, metadata: {}, owner: 'shop' },
  ...more,
});
const outcomeOf = (status: Outcome['status']): Outcome => ({ status, model, started_at: now, finished_at: now });
const kept = { queueSeconds: 600, resultSeconds: 60 };

/** A batch of which some items end before it is sealed; what is to be told of them stays in the outbox. */
async function runBatch(size: number): Promise<{ readonly id: string; readonly jobIds: readonly string[] }> {
  const [jobs, batches, open] = [new JobStore(redis), new BatchStore(redis), new OpenJobs(redis)];
  const id = randomUUID();
  const records = Array.from({ length: size }, () => recordOf({ batch: id }));
  const jobIds = records.map((record) => record.id);
  const places = await open.hold(id, jobIds, size);
  await batches.open(
    { id, model, created_at: now, metadata: {}, top_k: 5 },
    records.map((record, index) => ({ jobId: record.id, name: `${index}.jpg` })),
  );
  for (let from = 0; from < size; from += 25) {
    const some = records.slice(from, from + 25);
    await batches.keepItems(some, from, kept, 'a-request');
    await places?.keep(
      600,
      some.map((record) => record.id),
    );
  }
  const end = async (some: readonly string[]): Promise<void> => {
    for (let from = 0; from < some.length; from += 100) {
      const ends = some
        .slice(from, from + 100)
        .map((each) => jobs.finish(each, outcomeOf('failed'), kept.resultSeconds));
      expect(new Set(await Promise.all(ends))).toEqual(new Set(['finished']));
    }
  };
  await end(jobIds.slice(0, 3));
  await batches.seal(id, size, kept.queueSeconds, kept.resultSeconds);
  await batches.markCanceled(id);
  await end(jobIds.slice(3));
  expect(await open.count(id)).toBe(0);
  return { id, jobIds };
}

/** Everything that a script is for. */
async function useAll(): Promise<void> {
  const jobs = new JobStore(redis);
  const results = new ResultCache(redis);
  const record = recordOf({ deadline_ms: Date.now() + 60_000 });
  await jobs.create(record, undefined, 600);
  expect(await jobs.addImage(record.id, Buffer.alloc(100))).toBe(true);
  expect(await jobs.beginSuspect(record.id)).toBe(1);
  expect(await results.ask('answer', record.id)).toBe('claimed');
  await results.renew('answer', record.id);
  const shared = { name: 'answer', ttlSeconds: 60, predictions: [] };
  const png = Buffer.from('png');
  expect(await jobs.finish(record.id, outcomeOf('succeeded'), 60, { shared, png })).toBe('finished');
  expect(await jobs.finish(record.id, outcomeOf('failed'), 60)).toBe('already_finished');
  expect(await jobs.finish(randomUUID(), outcomeOf('failed'), 60)).toBe('unknown_job');
  expect(await redis.exists(keys.inferring('answer'), keys.image(record.id))).toBe(0);
  expect(await results.ask('answer', 'another')).toEqual({ predictions: [] });
  expect(await new CorrectionStore(redis).write(record.id, { label: 'cat', at: now })).toBe(true);
  const cached = recordOf();
  await jobs.createFinished(cached, outcomeOf('succeeded'), 60, Buffer.from('png'));

  const idempotency = new IdempotencyStore(redis, 60);
  expect(await idempotency.claim('hash', 'print', 'id')).toBeUndefined();
  await idempotency.settle('hash', 'id');
  expect(await idempotency.claim('hash', 'print', 'other')).toMatchObject({ state: 'done', id: 'id' });
  await idempotency.release('hash', 'id');

  const log = new DeliveryLog(redis, 60);
  const whose = { kind: 'job', source: record.id, event: 'job.succeeded', owner: 'shop' } as const;
  const head: DeliveryHead = { ...whose, url: 'https://x.example', created_at: now, endpoint: 'e' };
  await log.note('msg', head, { state: 'pending', now: Date.now() });
  await log.noteKnown('msg', { state: 'failed', now: Date.now() });

  await rates.take('default', { key: 'c', perMinute: 10, concurrency: 0 });

  const { id, jobIds } = await runBatch(40);
  expect(await redis.llen(keys.outbox)).toBe(40);
  const batch = await new BatchStore(redis).read(id);
  expect(batch).toMatchObject({ total: 40, ended: { failed: 40 }, canceled: true });
  expect(batch?.finishedAt).toBeDefined();
  expect(await new BatchStore(redis).failed(id)).toHaveLength(20);
  const listed = await new JobList(redis).read('shop', undefined, 100);
  expect(new Set(listed.map(({ stored }) => stored?.record.id))).toEqual(new Set([record.id, cached.id, ...jobIds]));

  await eventually(async () => {
    expect((await new EndedJobsLog(redis).read()).counts).toMatchObject({ succeeded: 2, failed: 40 });
  });
}

describe('in a Cluster, each script', () => {
  it('runs, and touches only keys that it was given, as many as its file says', async () => {
    const { calls } = await watch(useAll);
    expect([...new Set(calls.map(({ name }) => name))].sort()).toEqual([...scriptNames].sort());
    for (const { name, keys: given, commands } of calls) {
      expect([name, given.length]).toEqual([name, scriptOf(name).keys ?? given.length]);
      const all = (await Promise.all(commands.map(touched))).flat();
      expect([name, all.filter((key) => !given.includes(key))]).toEqual([name, []]);
    }
  });

  it('ends an item of a batch in one call, where its worker has read what it belongs to', async () => {
    const [jobs, batches, open] = [new JobStore(redis), new BatchStore(redis), new OpenJobs(redis)];
    const id = randomUUID();
    const record = recordOf({ batch: id });
    const places = await open.hold(id, [record.id], 1);
    await batches.open({ id, model, created_at: now, metadata: {}, top_k: 5 }, [{ jobId: record.id, name: 'a.jpg' }]);
    await batches.keepItems([record], 0, kept);
    await places?.keep(600, [record.id]);
    await batches.seal(id, 1, kept.queueSeconds, kept.resultSeconds);
    const { calls } = await watch(async () => {
      const { belonging } = await jobs.readImage(record.id);
      expect(await jobs.finish(record.id, outcomeOf('succeeded'), 60, { belonging })).toBe('finished');
    });
    expect(calls.map(({ name }) => name)).toEqual(['finish-job']);
    expect(await open.count(id)).toBe(0);
    expect((await batches.read(id))?.finishedAt).toBeDefined();
  });

  it('does no more for a large batch than for a small one', async () => {
    const most = ({ calls }: Watched): Record<string, number> => {
      const counts: Record<string, number> = {};
      for (const { name, commands } of calls) counts[name] = Math.max(counts[name] ?? 0, commands.length);
      return counts;
    };
    const small = await watch(async () => {
      await runBatch(100);
    });
    let large: Awaited<ReturnType<typeof runBatch>> | undefined;
    const watched = await watch(async () => {
      large = await runBatch(1300);
    });
    const few = most(small);
    // Once in a while a call also moves the end of what it writes to.
    for (const [name, count] of Object.entries(most(watched))) {
      expect([name, count <= (few[name] ?? 0) + 2]).toEqual([name, true]);
    }
    expect(watched.mostWords).toBeLessThanOrEqual(1010);
    const { id = '', jobIds = [] } = large ?? {};
    const names = [keys.batch(id), keys.batchItems(id), ...jobIds.map(keys.job)];
    const ttls = await Promise.all(names.map((key) => redis.ttl(key)));
    expect(ttls).toHaveLength(1302);
    expect(Math.max(...ttls)).toBeLessThanOrEqual(kept.resultSeconds);
    expect(Math.min(...ttls)).toBeGreaterThan(0);
  });
});
