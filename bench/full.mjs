/**
 * How soon a service that is full says so. The worker is saturated and the queue is kept full while clients arrive at a fixed
 * rate, whatever becomes of those before them (an open loop, so that slow answers are not measured less often); each sends a
 * photo and notes when its answer is there.
 */
import { rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { benchImages } from './lib/images.mjs';
import { post } from './lib/load.mjs';
import { benchDataDir } from './lib/model.mjs';
import { startBenchQuintet } from './lib/quintet-process.mjs';
import { quantile } from './lib/statistics.mjs';

export const summary = 'how soon a full service says 503, while it is saturated';
export const options = {
  model: { type: /** @type {const} */ ('string'), default: 'resnet50-demo', hint: 'NAME' },
  seconds: { type: /** @type {const} */ ('string'), default: '30', hint: 'N' },
  rate: { type: /** @type {const} */ ('string'), default: '100', hint: 'N submissions a second' },
  depth: { type: /** @type {const} */ ('string'), default: '50', hint: 'N jobs that may wait' },
};

const promisedMs = 50;

/** @param {{ values: Record<string, string>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const model = values['model'] ?? '';
  const seconds = Number(values['seconds']);
  const rate = Number(values['rate']);
  const { images } = await benchImages(undefined);
  // Of its own: what still waits at the end would be somebody else's beginning.
  const dataDir = join(benchDataDir, 'run-full');
  say(`starting ${model} with a queue of ${values['depth']}`);
  const quintet = await startBenchQuintet(model, { MAX_QUEUE_DEPTH: values['depth'] ?? '', DATA_DIR: dataDir });
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  const refused = /** @type {number[]} */ ([]);
  const others = /** @type {Record<string, number>} */ ({});
  try {
    const load = { url: quintet.jobsUrl, images, concurrency: 1 };
    const one = async (/** @type {number} */ index) => {
      try {
        const { status, ms } = await post(agent, load, images[index % images.length] ?? Buffer.alloc(0));
        if (status === 503) refused.push(ms);
        else others[status] = (others[status] ?? 0) + 1;
      } catch {
        others['no answer'] = (others['no answer'] ?? 0) + 1;
      }
    };
    const arrivals = async (/** @type {number} */ forSeconds) => {
      const began = performance.now();
      const pending = [];
      for (let index = 0; index < forSeconds * rate; index += 1) {
        await delay(Math.max(0, began + (index * 1000) / rate - performance.now()));
        pending.push(one(index));
      }
      await Promise.all(pending);
    };
    await arrivals(Math.max(3, (2 * Number(values['depth'])) / rate));
    refused.length = 0;
    for (const key of Object.keys(others)) delete others[key];
    say(`full; ${rate} submissions a second for ${seconds} s`);
    await arrivals(seconds);
  } finally {
    agent.destroy();
    await quintet.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
  const p99 = quantile(refused, 0.99);
  return {
    settings: { model, seconds, rate, depth: values['depth'] },
    tables: [
      {
        title: 'Answers of a full service',
        columns: ['answers 503', 'p50, ms', 'p99, ms', 'longest, ms', 'accepted (202)', 'anything else'],
        rows: [
          [
            refused.length,
            quantile(refused, 0.5),
            p99,
            Math.max(...refused),
            others['202'] ?? 0,
            Object.entries(others)
              .filter(([status]) => status !== '202')
              .map(([status, count]) => `${count} × ${status}`)
              .join(', ') || 'none',
          ],
        ],
      },
    ],
    shortfalls: p99 < promisedMs ? [] : [`p99 of a full answer is ${p99.toFixed(1)} ms, not under ${promisedMs}`],
  };
}
