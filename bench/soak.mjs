/**
 * Half an hour of load with all kinds of pictures, and the memory of every process over that time, as a plot.
 *
 * A closed loop saturates the worker with photos of every size, formats that take the other decoders, and some files that
 * are no pictures. Flat means: the mean of the last quarter is at most 5 % above that of the third.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { root } from '../scripts/lib/project.mjs';
import { benchImages } from './lib/images.mjs';
import { closedLoop } from './lib/load.mjs';
import { proportionalMemory } from './lib/processes.mjs';
import { startBenchQuintet } from './lib/quintet-process.mjs';
import { linePlot } from './lib/plot.mjs';
import { mean, quantile } from './lib/statistics.mjs';

export const summary = 'memory of every process under load for half an hour, as a plot';
export const options = {
  model: { type: /** @type {const} */ ('string'), default: 'resnet50-demo', hint: 'NAME' },
  minutes: { type: /** @type {const} */ ('string'), default: '30', hint: 'N' },
  concurrency: { type: /** @type {const} */ ('string'), default: '16', hint: 'N' },
};

const promisedGrowth = 0.05;
const sampleMs = 5000;
const roles = ['worker', 'api', 'redis', 'webhooks', 'start'];

/** Photos of all sizes, the same in other formats and sizes, and a few files that must fail. */
async function mixedPictures() {
  const { default: sharp } = await import('sharp');
  const folder = resolve(root, '../shared/images');
  let photos;
  try {
    photos = readdirSync(folder).map((file) => readFileSync(join(folder, file)));
  } catch {
    photos = (await benchImages(undefined)).images;
  }
  const [first = Buffer.alloc(0), second = first] = photos;
  const others = await Promise.all([
    sharp(first).png().toBuffer(),
    sharp(first).webp().toBuffer(),
    sharp(first).resize(2400, 1800, { fit: 'fill' }).jpeg().toBuffer(),
    sharp(second).resize(1200, 900, { fit: 'fill' }).avif({ effort: 0 }).toBuffer(),
    sharp(second).resize(4000, 3000, { fit: 'fill' }).jpeg().toBuffer(),
    sharp(second).tiff().toBuffer(),
  ]);
  const bad = [first.subarray(0, first.length / 2), Buffer.from('this is no picture at all')];
  return { pictures: [...photos, ...others, ...bad], bad: bad.length };
}

/** @param {{ values: Record<string, string>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const [minutes, concurrency] = [values.minutes, values.concurrency].map(Number);
  const { pictures, bad } = await mixedPictures();
  const quintet = await startBenchQuintet(values.model);
  const load = { url: quintet.jobsUrl, headers: quintet.headers, images: pictures, concurrency };
  await closedLoop({ ...load, seconds: 20 });
  const began = performance.now();
  const samples = /** @type {{ minutes: number, megabytes: Record<string, number> }[]} */ ([]);
  const sample = () => {
    const megabytes = /** @type {Record<string, number>} */ ({});
    for (const [pid, role] of quintet.processes()) megabytes[role] = (megabytes[role] ?? 0) + proportionalMemory([pid]);
    samples.push({ minutes: (performance.now() - began) / 60_000, megabytes });
    if (samples.length % 60 === 0)
      say(`${samples.at(-1)?.minutes.toFixed(0)} minutes: worker at ${megabytes.worker?.toFixed(0)} MB`);
  };
  sample();
  const timer = setInterval(sample, sampleMs);
  const statuses = /** @type {Record<number, number>} */ ({});
  const result = await closedLoop({
    ...load,
    seconds: minutes * 60,
    onAnswer: ({ status }) => (statuses[status] = (statuses[status] ?? 0) + 1),
  });
  clearInterval(timer);
  await quintet.stop();
  return summarise({
    result,
    samples,
    statuses,
    settings: { model: values.model, minutes, concurrency, pictures: pictures.length, bad },
  });
}

function summarise({ result, samples, statuses, settings }) {
  const of = (role) => samples.map(({ megabytes }) => megabytes[role] ?? 0);
  const rows = roles.map((role) => {
    const values = of(role);
    const quarter = Math.floor(values.length / 4);
    const third = mean(values.slice(2 * quarter, 3 * quarter));
    const last = mean(values.slice(3 * quarter));
    return [role, values[0], third, last, Math.max(...values), `${((last / third - 1) * 100).toFixed(1)} %`];
  });
  const grown = rows.filter(([, , third, last]) => last / third - 1 > promisedGrowth);
  const x = samples.map((sample) => sample.minutes);
  const svg = linePlot({
    title: `Memory under load, ${settings.model}`,
    xLabel: 'minutes',
    yLabel: 'MB',
    series: roles.map((role) => ({ name: role, x, y: of(role) })),
  });
  return {
    settings,
    tables: [
      {
        title: 'Memory (proportional set size), MB',
        columns: ['process', 'at first', 'third quarter', 'last quarter', 'most', 'growth'],
        rows,
      },
      {
        title: 'Answers',
        columns: ['images/s', 'p50, ms', 'p99, ms', ...Object.keys(statuses).map((status) => `status ${status}`)],
        rows: [
          [
            result.perSecond,
            quantile(result.latencies, 0.5),
            quantile(result.latencies, 0.99),
            ...Object.values(statuses),
          ],
        ],
      },
    ],
    data: { samples },
    files: { 'memory.svg': svg },
    shortfalls: grown.map(([role, , , , , growth]) => `${role} grew by ${growth} in the second half`),
  };
}
