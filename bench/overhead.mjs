/**
 * What one client that sends one picture at a time waits for beyond the model: phase by phase.
 *
 * Pictures go through the idle system one after the other (`Prefer: wait`), in turns with bare session.run of one image in a
 * session with as many threads as the worker gives a picture that is alone. The median of the bare runs is subtracted from
 * the client's p50 and p99; the phases are what the job's own `timing_ms` says, and what remains is HTTP, the API and the
 * way back. The first pictures of each turn are not counted: the bare runs before them have emptied the caches.
 */
import { startBare } from './lib/bare.mjs';
import { benchImages } from './lib/images.mjs';
import { closedLoop } from './lib/load.mjs';
import { benchModel } from './lib/model.mjs';
import { startBenchQuintet } from './lib/quintet-process.mjs';
import { mean, median, quantile } from './lib/statistics.mjs';

export const summary = 'one picture at a time: what is waited for beyond the model, by phase';
export const options = {
  models: { type: /** @type {const} */ ('string'), default: 'resnet50-demo,resnet50-demo-int8', hint: 'NAME,…' },
  rounds: { type: /** @type {const} */ ('string'), default: '6', hint: 'N' },
  count: { type: /** @type {const} */ ('string'), default: '60', hint: 'N pictures a round' },
  images: { type: /** @type {const} */ ('string'), hint: 'DIR of JPEGs' },
};

const promised = { p50: 12, p99: 25 };
/** Pictures at the beginning of a turn. */
const uncounted = 5;
const phases = ['queue', 'fetch', 'preprocess', 'batch_wait', 'inference'];

/** @param {{ values: Record<string, string>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const [rounds, count] = [values.rounds, values.count].map(Number);
  const { images, source } = await benchImages(values.images);
  const beyond = [];
  const byPhase = [];
  const shortfalls = [];
  for (const name of values.models.split(',')) {
    const { bare, latencies, timings, layout } = await measure(name, { images, rounds, count, say });
    const model = median(bare);
    const [p50, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
    beyond.push([name, layout, model, quantile(bare, 0.99), p50, p99, p50 - model, p99 - model]);
    const of = (/** @type {string} */ phase) => timings.map((timing) => timing[phase] ?? 0);
    const inside = timings.map(
      (timing) => (timing.total ?? 0) - phases.reduce((sum, phase) => sum + (timing[phase] ?? 0), 0),
    );
    const around = timings.map(({ total = 0 }, index) => latencies[index] - total);
    const cells = [...phases.map(of), inside, around];
    byPhase.push([name, 'p50', ...cells.map((list) => quantile(list, 0.5))]);
    byPhase.push([name, 'p99', ...cells.map((list) => quantile(list, 0.99))]);
    byPhase.push([name, 'mean', ...cells.map(mean)]);
    if (p50 - model > promised.p50)
      shortfalls.push(`${name}: p50 ${(p50 - model).toFixed(1)} ms beyond, promised ${promised.p50}`);
    if (p99 - model > promised.p99)
      shortfalls.push(`${name}: p99 ${(p99 - model).toFixed(1)} ms beyond, promised ${promised.p99}`);
  }
  return {
    settings: { rounds, count, images: source },
    tables: [
      {
        title: 'One client, one picture at a time, ms',
        columns: [
          'model',
          'streams × threads',
          'bare p50',
          'bare p99',
          'client p50',
          'client p99',
          'p50 beyond',
          'p99 beyond',
        ],
        rows: beyond,
        note: 'Both are beyond the median of the bare model, whose own p99 stands beside it.',
      },
      {
        title: 'Where the time goes, ms',
        columns: [
          'model',
          '',
          'queue',
          'fetch',
          'preprocess',
          'batch wait',
          'inference',
          'other in worker',
          'HTTP and API',
        ],
        rows: byPhase,
        note: 'queue is in whole milliseconds of two clocks; inference holds normalisation and the way to the thread and back.',
      },
    ],
    shortfalls,
  };
}

/** @param {string} name */
async function measure(name, { images, rounds, count, say }) {
  const { modelPath } = await benchModel(name, say);
  const quintet = await startBenchQuintet(name);
  const { streams, intraOpThreads, soloThreads = intraOpThreads } = await quintet.layout();
  const lone = { path: modelPath, streams: 1, intraOpThreads: soloThreads };
  const alone = await startBare(lone);
  const load = { url: quintet.jobsUrl, headers: quintet.headers, images, concurrency: 1 };
  await closedLoop({ ...load, count });
  const bare = [];
  const latencies = [];
  const timings = /** @type {Record<string, number>[]} */ ([]);
  for (let round = 0; round < rounds; round += 1) {
    bare.push(...(await alone.measure(3)).times);
    const onAnswer = (/** @type {import('./lib/load.mjs').Answer} */ { body, ms, status }) => {
      if (status !== 200) throw new Error(`${status}: ${body}`);
      latencies.push(ms);
      timings.push(JSON.parse(String(body)).timing_ms);
    };
    await closedLoop({ ...load, count: uncounted });
    await closedLoop({ ...load, count, onAnswer });
    say(
      `${name}, round ${round + 1} of ${rounds}: model ${median(bare).toFixed(1)} ms, client ${median(latencies).toFixed(1)} ms`,
    );
  }
  await Promise.all([quintet.stop(), alone.stop()]);
  return { bare, latencies, timings, layout: `${streams} × ${intraOpThreads}, alone 1 × ${soloThreads}` };
}
