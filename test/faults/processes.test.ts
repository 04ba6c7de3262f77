/** Processes that are killed, frozen, or restarted one after another, under load. */
import { setTimeout as delay } from 'node:timers/promises';
import { classifyQueueName, keyPrefix } from '@quintet/shared';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { full } from '../support/full.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import type { StackWorker } from '../support/stack.js';
import { testModel } from '../support/test-model.js';
import { startBalancer } from './support/balancer.js';
import { closeBooks, type Ledger } from './support/ledger.js';
import { seededRandom } from './support/random.js';
import { startStand, watchMemory, type Stand } from './support/stand.js';

let stand: Stand;
/** Those that live. */
let workers: StackWorker[];
let apis: ServiceProcess[];
let webhooks: ServiceProcess;
let queue: Queue;

beforeAll(async () => {
  stand = await startStand({ workers: 2, env: { DRAIN_SECONDS: '1' } });
  workers = [...stand.stack.workers];
  webhooks = stand.stack.webhooks;
  apis = [stand.stack.api, await stand.stack.addApi()];
  stand.urls = apis.map(({ url }) => url);
  queue = new Queue(classifyQueueName(testModel), { connection: { url: stand.stack.redis.url }, prefix: keyPrefix });
});
afterAll(async () => {
  await queue.close();
  await stand.stop();
});

/** Between two requests of a client: less of the cores is left for the service where they follow one another faster. */
const pauseMs = full ? 60 : 600;

/** Stops a worker in the middle of its work: at a moment at which it holds an order. */
async function freeze(worker: StackWorker): Promise<void> {
  await eventually(async () => {
    worker.process.kill('SIGSTOP');
    const active = await queue.getActive();
    if (active.some(({ processedBy }) => processedBy === worker.id)) return;
    worker.process.kill('SIGCONT');
    throw new Error(`${worker.id} holds nothing`);
  });
}

/** Jobs that were given out again because their worker was dead, by id. */
function takenOver(): Set<string> {
  const lines = stand.stack.workers.flatMap(({ lines }) => lines);
  const message = 'the worker that held this job is lost; it is queued again';
  return new Set(lines.filter((line) => line['message'] === message).map((line) => String(line['job_id'])));
}

/** The longest time from a death to the next start of a job that it interrupted, in seconds. */
function slowestTakeOver(ledger: Ledger, deaths: readonly number[]): number {
  const waits = [...takenOver()].flatMap((id) => {
    const started = Date.parse(ledger.jobs.get(id)?.started_at ?? '');
    const death = deaths.filter((time) => time <= started).at(-1);
    return death === undefined ? [] : [(started - death) / 1000];
  });
  return Math.max(0, ...waits);
}

/** One after another; in the short form all of it at once, as most of the time is spent waiting for locks to run out. */
describe('killed', { concurrent: !full }, () => {
  it('a worker, at random moments', async () => {
    const random = seededRandom();
    const kills = full ? 10 : 2;
    const memory = watchMemory([...apis, webhooks]);
    const load = stand.load({ clients: 8, pauseMs });
    const deaths: number[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      await delay(300 + random.next() * 1500);
      const [victim] = workers.splice(Math.floor(random.next() * workers.length), 1);
      if (victim === undefined) throw new Error('there is no worker');
      await freeze(victim);
      deaths.push(Date.now());
      expect(await victim.kill()).toBe('SIGKILL');
      workers.push(await stand.stack.addWorker());
    }
    await load.stop();
    const recoverySeconds = await stand.recovery();
    await stand.book(`worker killed ${kills} times`, load, {
      recoverySeconds,
      note: (books) =>
        `${takenOver().size} jobs taken over, within ${slowestTakeOver(books, deaths).toFixed(1)} s; FAULTS_SEED=${random.seed}`,
    });
    expect(takenOver().size).toBeGreaterThan(0);
    memory.check();
  });

  it('the API, while uploads and waiters are open', async () => {
    const kills = full ? 4 : 2;
    const load = stand.load({ clients: 8, pauseMs });
    for (let kill = 0; kill < kills; kill += 1) {
      await load.more(20);
      const victim = apis.shift();
      expect(await victim?.end('SIGKILL')).toBe('SIGKILL');
      // For a moment clients are sent to an address where nobody is.
      await delay(300);
      apis.push(await stand.stack.addApi());
      stand.urls = apis.map(({ url }) => url);
    }
    const recoverySeconds = await stand.recovery();
    await load.more(20);
    await load.stop();
    expect(load.refused).toBeGreaterThan(0);
    const note = `${load.refused} requests broke, and were sent again`;
    await stand.book(`API killed ${kills} times`, load, { recoverySeconds, note });
  });

  it('the webhook service, under deliveries', async () => {
    const kills = full ? 4 : 2;
    const load = stand.load({
      clients: 6,
      pauseMs,
      ways: ['webhook'],
      answer: (response) => void setTimeout(() => response.writeHead(204).end(), 300),
    });
    for (let kill = 0; kill < kills; kill += 1) {
      await load.more(15);
      expect(await webhooks.end('SIGKILL')).toBe('SIGKILL');
      webhooks = await stand.stack.addWebhooks();
    }
    await load.stop();
    const recoverySeconds = await stand.recovery();
    await stand.book(`webhooks killed ${kills} times`, load, {
      recoverySeconds,
      note: (ledger) => {
        const twice = load.accepted.filter(({ webhookAt }) => stand.receiver.at(webhookAt ?? '').length > 1).length;
        return `${twice} of ${ledger.webhooks} webhooks came more than once`;
      },
    });
  });
});

describe('frozen', () => {
  it('a worker is frozen past its lock, and thawed when others have done its work', async () => {
    const [frozen] = workers;
    if (frozen === undefined) throw new Error('there is no worker');
    const load = stand.load({ clients: 8, pauseMs: 40 });
    await load.more(30);
    const before = takenOver().size;
    await freeze(frozen);
    const at = Date.now();
    await load.more(10);
    await load.stop();
    const held = [...load.accepted];
    await eventually(() => {
      expect(takenOver().size).toBeGreaterThan(before);
    });
    const books = { load: { accepted: held }, receiver: stand.receiver, expected: stand.expected };
    const meanwhile = await closeBooks({ ...books, url: () => apis[0]?.url ?? '', redisUrl: stand.stack.redis.url });
    expect(meanwhile.lost).toEqual([]);
    frozen.process.kill('SIGCONT');
    // It goes on where it stood, and finds that all of it has been done.
    await eventually(() => {
      expect(frozen.lines.some((line) => line['message'] === 'order dropped: its job had ended')).toBe(true);
    });
    await frozen.ready();
    const ledger = await stand.book('worker frozen past its lock', load, {
      recoverySeconds: slowestTakeOver(meanwhile, [at]),
      note: `${takenOver().size - before} jobs taken over`,
    });
    for (const [id, job] of meanwhile.jobs) expect(ledger.jobs.get(id)).toEqual(job);
  });
});

describe('every service', () => {
  it('is restarted one after another, and no request fails', async () => {
    const balancer = startBalancer(apis);
    const load = stand.load({ urls: () => balancer.urls(), clients: 6, pauseMs: full ? 80 : 300 });
    const started = performance.now();
    await load.more(10);
    for (const old of full ? [...apis] : apis.slice(0, 1)) {
      const fresh = await stand.stack.addApi();
      balancer.add(fresh);
      await eventually(() => {
        expect(balancer.urls()).toContain(fresh.url);
      });
      apis.push(fresh);
      expect(await old.end('SIGTERM')).toBe(0);
      apis.shift();
    }
    for (const old of full ? [...workers] : workers.slice(0, 1)) {
      workers.push(await stand.stack.addWorker());
      expect(await old.end('SIGTERM')).toBe(0);
      workers.shift();
    }
    const fresh = await stand.stack.addWebhooks();
    expect(await webhooks.end('SIGTERM')).toBe(0);
    webhooks = fresh;
    await load.more(10);
    await load.stop();
    balancer.stop();
    stand.urls = apis.map(({ url }) => url);
    const seconds = (performance.now() - started) / 1000;
    const note = `${load.refused} failed requests in ${seconds.toFixed(0)} s`;
    await stand.book('rolling restart', load, { recoverySeconds: 0, note });
    expect([...load.failures]).toEqual([]);
  });
});
