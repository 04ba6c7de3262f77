/**
 * What the system costs where the model costs nothing: jobs per second through HTTP, queue, decoding, batching and results,
 * against BullMQ's own rate of adding and processing empty jobs on the same Redis, from one process to another.
 *
 * The model averages an 8 × 8 picture. Both are closed loops of `concurrency`: bare, an add in flight each, with the worker
 * at most `concurrency` × 16 jobs behind; Quintet, a client that waits for its answer each. They alternate.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { importBuilt, root } from '../scripts/lib/project.mjs';
import { benchImages } from './lib/images.mjs';
import { closedLoop } from './lib/load.mjs';
import { benchModelsDir } from './lib/model.mjs';
import { cpuSeconds } from './lib/processes.mjs';
import { startBenchQuintet } from './lib/quintet-process.mjs';
import { startBenchRedis } from './lib/redis.mjs';
import { median } from './lib/statistics.mjs';

export const summary = 'jobs per second with a model of no cost, against bare BullMQ';
export const options = {
  concurrency: { type: /** @type {const} */ ('string'), default: '64', hint: 'N' },
  rounds: { type: /** @type {const} */ ('string'), default: '5', hint: 'N' },
  seconds: { type: /** @type {const} */ ('string'), default: '5', hint: 'N for each measurement' },
  photos: {
    type: /** @type {const} */ ('boolean'),
    default: false,
    hint: 'post photos of 100 KB instead of tiny pictures',
  },
};

const promised = 0.5;
const model = 'bench-empty';
const side = 8;
const behind = 16;

/** A model folder whose graph is an average and a small matrix. */
async function makeEmptyModel() {
  const { GraphBuilder, constantChunk, encodeModel, filterChunks } = await importBuilt('packages/models/dist/index.js');
  const graph = new GraphBuilder();
  const image = graph.image('data', 3, side, side);
  graph.classifier(image, {
    output: 'logits',
    classes: 5,
    weights: () => filterChunks({ seed: 1, stream: 'fc.weight', filters: 5, fanIn: 3, std: 1, centred: true }),
    bias: () => [constantChunk(5, 0)],
  });
  const folder = join(benchModelsDir, model);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'model.onnx'), Buffer.concat([...encodeModel(graph.build(model, 'costs nothing').model)]));
  const manifest = { weights: 'demo', preprocess: { resize: side, crop: side } };
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  const labels = Array.from({ length: 5 }, (_, index) => `n0000000${index}\tclass ${index}`);
  writeFileSync(join(folder, 'labels.tsv'), `${labels.join('\n')}\n`);
}

/** @param {string} url @param {number} concurrency */
async function startBullmq(url, concurrency) {
  const { Queue } = createRequire(join(root, 'services/api/package.json'))('bullmq');
  const { hostname: host, port } = new URL(url);
  const queue = new Queue('bare', { connection: { host, port: Number(port) }, prefix: 'bare' });
  const script = fileURLToPath(new URL('./lib/bullmq-worker.mjs', import.meta.url));
  const child = fork(script, [url, 'bare', String(concurrency)], { execArgv: [] });
  await once(child, 'message');
  const finished = async () => {
    child.send('how many?');
    const [{ done }] = await once(child, 'message');
    return done;
  };
  // Every adder may be asking at once.
  child.setMaxListeners(0);
  const measure = async (/** @type {number} */ seconds) => {
    const from = await finished();
    const began = performance.now();
    const cpu = [process.cpuUsage(), cpuSeconds(child.pid ?? 0)];
    let added = 0;
    let done = 0;
    const adder = async () => {
      while (performance.now() - began < seconds * 1000) {
        await queue.add('job', { id: added }, { removeOnComplete: true });
        added += 1;
        while (added - done > concurrency * behind) {
          await delay(1);
          done = (await finished()) - from;
        }
      }
    };
    await Promise.all(Array.from({ length: concurrency }, adder));
    while ((done = (await finished()) - from) < added) await delay(2);
    return { perSecond: added / ((performance.now() - began) / 1000), cpu };
  };
  return {
    measure,
    stop: async () => {
      await queue.close();
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

async function tinyPictures() {
  const { default: sharp } = await import('sharp');
  return Promise.all(
    Array.from({ length: 16 }, (_, index) => {
      const background = { r: index * 16, g: 128, b: 255 - index * 16 };
      return sharp({ create: { width: side, height: side, channels: 3, background } })
        .jpeg()
        .toBuffer();
    }),
  );
}

/** @param {{ values: Record<string, any>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const [concurrency, rounds, seconds] = [values.concurrency, values.rounds, values.seconds].map(Number);
  await makeEmptyModel();
  const redis = await startBenchRedis();
  const quintet = await startBenchQuintet(model, { REDIS_URL: redis.url });
  const bullmq = await startBullmq(redis.url, concurrency);
  const images = values.photos ? (await benchImages(undefined)).images : await tinyPictures();
  const load = { url: quintet.jobsUrl, headers: quintet.headers, images, concurrency };
  await closedLoop({ ...load, seconds: 2 });
  await bullmq.measure(1);
  const bare = [];
  const system = [];
  const cpu = /** @type {Record<string, number>} */ ({});
  let errors = 0;
  let answered = 0;
  for (let round = 0; round < rounds; round += 1) {
    bare.push((await bullmq.measure(seconds)).perSecond);
    const pids = new Map([...quintet.processes(), [redis.pid, 'redis']]);
    const before = new Map([...pids.keys()].map((pid) => [pid, cpuSeconds(pid)]));
    const own = process.cpuUsage();
    const result = await closedLoop({ ...load, seconds });
    const { user, system: kernel } = process.cpuUsage(own);
    cpu.clients = (cpu.clients ?? 0) + (user + kernel) / 1e6;
    for (const [pid, role] of pids) cpu[role] = (cpu[role] ?? 0) + cpuSeconds(pid) - (before.get(pid) ?? 0);
    system.push(result.perSecond);
    errors += result.errors;
    answered += result.answered;
    say(
      `round ${round + 1} of ${rounds}: BullMQ ${bare.at(-1)?.toFixed(0)}, Quintet ${result.perSecond.toFixed(0)} jobs/s`,
    );
  }
  await Promise.all([bullmq.stop(), quintet.stop()]);
  await redis.stop();
  const ratio = median(system.map((rate, round) => rate / bare[round]));
  const roles = ['api', 'worker', 'redis', 'webhooks', 'start', 'clients'];
  return {
    settings: {
      concurrency,
      rounds,
      seconds,
      pictures: values.photos ? 'photos of 100 KB' : `JPEGs of ${side} × ${side}`,
    },
    tables: [
      {
        title: 'Jobs per second, model of no cost',
        columns: ['', 'BullMQ, add and process', 'Quintet, post to answer', 'ratio', 'errors'],
        rows: [['median', median(bare), median(system), ratio, errors]],
      },
      {
        title: 'CPU milliseconds per job',
        columns: ['', ...roles],
        rows: [['mean', ...roles.map((role) => ((cpu[role] ?? 0) / answered) * 1000)]],
      },
    ],
    data: { bare, system },
    shortfalls: ratio < promised ? [`${ratio.toFixed(2)} of BullMQ's bare rate, promised ${promised}`] : [],
  };
}
