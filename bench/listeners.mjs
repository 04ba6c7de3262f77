/**
 * What event streams cost one API process: memory, the time from the end of a job to the last of its listeners, and what the
 * event loop has to wait meanwhile.
 *
 * Alone with a Redis, in three phases: every listener has a job of its own in a queue that stands still; a worker, played here,
 * takes so many jobs a second, so that every place changes; and every listener watches one job, which ends. The listeners are
 * in this process, on the same cores: their own time is in the times.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../scripts/lib/ports.mjs';
import { importBuilt, root } from '../scripts/lib/project.mjs';
import { cpuSeconds, memory, proportionalMemory } from './lib/processes.mjs';
import { startBenchRedis } from './lib/redis.mjs';
import { median, quantile } from './lib/statistics.mjs';

export const summary = 'memory and latency of one API process with thousands of event streams';
export const options = {
  listeners: { type: /** @type {const} */ ('string'), default: '2000', hint: 'N' },
  rate: { type: /** @type {const} */ ('string'), default: '20', hint: 'N jobs a second that the queue moves' },
  seconds: { type: /** @type {const} */ ('string'), default: '10', hint: 'N that it does so' },
  rounds: { type: /** @type {const} */ ('string'), default: '5', hint: 'N ends of a job that all watch' },
};

const promisedMegabytes = 300;
const model = 'bench-listeners';

/** @param {string} redisUrl */
async function startApi(redisUrl) {
  const port = await freePort('127.0.0.1');
  const child = spawn(process.execPath, [join(root, 'services/api/dist/main.js')], {
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: String(port), REDIS_URL: redisUrl, DEFAULT_MODEL: model },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    const response = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (response?.status === 200) break;
    if (tries > 300) throw new Error('the API does not become ready');
    await delay(50);
  }
  return {
    url,
    pid: child.pid ?? 0,
    stop: async () => {
      process.removeListener('exit', end);
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** An event stream, of which only the number of events and the last id are kept. @param {string} address */
async function listen(address) {
  const request = get(address, { agent: false, headers: { accept: 'text/event-stream' } });
  const [response] = await once(request, 'response');
  if (response.statusCode !== 200) throw new Error(`an event stream answered ${response.statusCode}`);
  const listener = { events: 0, last: '', at: 0, close: () => request.destroy() };
  response.setEncoding('latin1').on('data', (/** @type {string} */ text) => {
    for (const [, id] of text.matchAll(/^id: (.*)$/gm)) {
      listener.events += 1;
      listener.last = id ?? '';
      listener.at = performance.now();
    }
  });
  response.on('error', () => undefined);
  return listener;
}

/** Cumulative counts of the event loop lag by bucket, in seconds. @param {string} url @returns {Promise<Map<number, number>>} */
async function lagBuckets(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.matchAll(/^quintet_event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\d+)/gm);
  return new Map([...lines].map(([, le, count]) => [le === '+Inf' ? Infinity : Number(le), Number(count)]));
}

/** Milliseconds under which `share` of the samples between two readings stay: the upper bound of a bucket. */
function lagQuantile(
  /** @type {Map<number, number>} */ from,
  /** @type {Map<number, number>} */ to,
  /** @type {number} */ share,
) {
  const counts = [...to].map(([le, count]) => [le, count - (from.get(le) ?? 0)]);
  const all = counts.at(-1)?.[1] ?? 0;
  return (counts.find(([, count]) => count >= share * all)?.[0] ?? Infinity) * 1000;
}

/** @param {() => boolean} done @param {string} what */
async function until(done, what) {
  const limit = performance.now() + 60_000;
  while (!done()) {
    if (performance.now() > limit) throw new Error(`not within a minute: ${what}`);
    await delay(5);
  }
}

/** @param {{ values: Record<string, any>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const [count, rate, seconds, rounds] = [values.listeners, values.rate, values.seconds, values.rounds].map(Number);
  const shared = await importBuilt('packages/shared/dist/index.js');
  const { Queue, Worker } = createRequire(join(root, 'services/api/package.json'))('bullmq');
  const redis = await startBenchRedis();
  const connection = new shared.Redis(redis.url, { maxRetriesPerRequest: null });
  const store = new shared.JobStore(connection);
  const queue = new Queue(shared.classifyQueueName(model), { connection, prefix: shared.keyPrefix });
  const api = await startApi(redis.url);
  const before = { ...memory(api.pid), proportional: proportionalMemory([api.pid]) };

  const submit = async () => {
    const id = randomUUID();
    const created_at = new Date().toISOString();
    await store.create({ id, model: { name: model }, created_at, metadata: {} }, Buffer.from('a picture'), 600);
    const order = { id, model, top_k: 5, created_ms: Date.now(), request_id: 'bench' };
    await queue.add('classify', order, { ...shared.classifyJobPolicy, jobId: id });
    return id;
  };
  const listenTo = (/** @type {string} */ id) => listen(`${api.url}/v1/jobs/${id}/events`);

  say(`${count} listeners, each with a job of its own`);
  const ids = [];
  for (let job = 0; job < count; job += 1) ids.push(await submit());
  const listeners = [];
  for (let from = 0; from < count; from += 100) {
    listeners.push(...(await Promise.all(ids.slice(from, from + 100).map(listenTo))));
  }
  await until(() => listeners.every(({ events }) => events > 0), 'the first event of every listener');
  await delay(2000);
  const still = { ...memory(api.pid), proportional: proportionalMemory([api.pid]) };

  say(`the queue moves by ${rate} jobs a second`);
  const finish = (/** @type {string} */ id) => {
    const outcome = { status: 'succeeded', finished_at: new Date().toISOString(), predictions: [] };
    return store.finish(id, outcome, 600);
  };
  const worker = new Worker(
    queue.name,
    async (/** @type {{ data: { id: string } }} */ { data }) => {
      await store.readImage(data.id);
      await delay(1000 / rate);
      await finish(data.id);
    },
    { connection: connection.duplicate(), prefix: shared.keyPrefix, concurrency: 1 },
  );
  worker.on('error', () => undefined);
  await delay(1000);
  const eventsBefore = listeners.reduce((sum, { events }) => sum + events, 0);
  const [lagBefore, cpuBefore, began] = [await lagBuckets(api.url), cpuSeconds(api.pid), performance.now()];
  let most = 0;
  while (performance.now() - began < seconds * 1000) {
    await delay(500);
    most = Math.max(most, proportionalMemory([api.pid]));
  }
  const [lagAfter, took] = [await lagBuckets(api.url), (performance.now() - began) / 1000];
  const cpu = (cpuSeconds(api.pid) - cpuBefore) / took;
  const perSecond = (listeners.reduce((sum, { events }) => sum + events, 0) - eventsBefore) / took;
  const moving = { ...memory(api.pid), proportional: most };
  await worker.close(true);
  for (const { close } of listeners) close();

  say(`${count} listeners to one job`);
  const told = [];
  const lags = [];
  for (let round = 0; round < rounds; round += 1) {
    const id = await submit();
    const watching = [];
    for (let from = 0; from < count; from += 100) {
      watching.push(...(await Promise.all(Array.from({ length: Math.min(100, count - from) }, () => listenTo(id)))));
    }
    await until(() => watching.every(({ events }) => events > 0), 'the first event of every listener');
    await delay(500);
    const lagsBefore = await lagBuckets(api.url);
    const ended = performance.now();
    await finish(id);
    await until(() => watching.every(({ last }) => last === 'succeeded'), 'the end of the job');
    told.push(Math.max(...watching.map(({ at }) => at)) - ended);
    lags.push(lagQuantile(lagsBefore, await lagBuckets(api.url), 1));
    for (const { close } of watching) close();
  }
  const left = { ...memory(api.pid), proportional: proportionalMemory([api.pid]) };
  await api.stop();
  await queue.close();
  connection.disconnect();
  await redis.stop();

  const row = (
    /** @type {string} */ name,
    /** @type {{ now: number, peak: number, proportional: number }} */ { now, peak, proportional },
  ) => [name, now, peak, proportional];
  const worst = Math.max(still.peak, moving.peak);
  return {
    settings: { listeners: count, rate, seconds, rounds },
    tables: [
      {
        title: 'Memory of the API process, MB',
        columns: ['', 'resident', 'peak', 'proportional'],
        rows: [
          row('before', before),
          row('a queue that stands still', still),
          row('a queue that moves', moving),
          row('when all have left', left),
        ],
        note: `Proportional of the queue that moves: the most of samples every half second.`,
      },
      {
        title: 'What the listeners are told',
        columns: ['', 'events a second', 'cores of the API', 'event loop lag p50 ≤ ms', 'p99 ≤ ms', 'max ≤ ms'],
        rows: [
          [
            'a queue that moves',
            perSecond,
            cpu,
            ...[0.5, 0.99, 1].map((share) => lagQuantile(lagBefore, lagAfter, share)),
          ],
        ],
      },
      {
        title: 'From the end of a job to the last of its listeners, ms',
        columns: ['', 'median', 'most', 'event loop lag median of max ≤ ms'],
        rows: [['all watch one job', median(told), quantile(told, 1), median(lags)]],
      },
    ],
    data: { told, before, still, moving, left },
    shortfalls:
      worst < promisedMegabytes ? [] : [`${worst.toFixed(0)} MB resident, promised under ${promisedMegabytes}`],
  };
}
