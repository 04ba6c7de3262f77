/**
 * Whether `quintet classify` keeps the service as busy as it can be, on the same cores.
 *
 * In each round and for each model, within seconds of each other: a closed loop of lean HTTP clients, which is what the other
 * benchmarks call the system's throughput; the command over the same pictures, as a process of its own from its start to its end; and the
 * library with the platform's fetch, to say what the command's own HTTP is for. The median of the rounds' ratios counts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../scripts/lib/project.mjs';
import { benchImages } from './lib/images.mjs';
import { closedLoop } from './lib/load.mjs';
import { benchModel } from './lib/model.mjs';
import { cpuSeconds } from './lib/processes.mjs';
import { startBenchQuintet } from './lib/quintet-process.mjs';
import { median } from './lib/statistics.mjs';

export const summary = 'quintet classify beside the clients of the other benchmarks';
export const options = {
  models: { type: /** @type {const} */ ('string'), default: 'resnet50-demo-int8,mobilenetv2', hint: 'NAME,…' },
  concurrency: { type: /** @type {const} */ ('string'), default: '16', hint: 'N clients of the closed loop' },
  rounds: { type: /** @type {const} */ ('string'), default: '5', hint: 'N' },
  seconds: { type: /** @type {const} */ ('string'), default: '8', hint: 'N for each measurement' },
  images: { type: /** @type {const} */ ('string'), hint: 'DIR of JPEGs of 70 to 140 KB' },
};

const promised = 0.95;
/** How often a process' CPU time is looked at: at its end, what came after the last look is missing. */
const lookMs = 50;

/**
 * Runs Node with `args` to its end. @param {readonly string[]} args
 * @returns {Promise<{ seconds: number, cpu: number }>} wall and CPU seconds
 */
async function timed(args) {
  const began = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  let cpu = 0;
  const timer = setInterval(() => (cpu = Math.max(cpu, cpuSeconds(child.pid ?? 0))), lookMs);
  const [code] = await once(child, 'exit');
  clearInterval(timer);
  if (code !== 0) throw new Error(`${args.slice(0, 3).join(' ')} ended with ${code}`);
  return { seconds: (performance.now() - began) / 1000, cpu };
}

/** @param {{ values: Record<string, string>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const [rounds, seconds, concurrency] = [values.rounds, values.seconds, values.concurrency].map(Number);
  const { images, source } = await benchImages(values.images);
  const folder = mkdtempSync(join(tmpdir(), 'quintet-bench-client-'));
  const files = images.map((image, index) => join(folder, `${String(index).padStart(4, '0')}.jpg`));
  for (const [index, file] of files.entries()) writeFileSync(file, images[index]);
  const rows = [];
  const data = /** @type {Record<string, unknown>} */ ({});
  const shortfalls = [];
  try {
    for (const model of values.models.split(',')) {
      await benchModel(model, say);
      const quintet = await startBenchQuintet(model);
      const clients = () =>
        closedLoop({ url: quintet.jobsUrl, headers: quintet.headers, images, concurrency, seconds });
      const { perSecond } = await clients();
      const count = Math.ceil(perSecond * seconds);
      const pictures = Array.from({ length: count }, (_, index) => files[index % files.length]);
      const command = [join(root, 'packages/client/bin/quintet.mjs'), 'classify', '--ndjson', '--top', '5'];
      const loop = [join(root, 'bench/lib/client-loop.mjs'), 'platform', quintet.url, model, String(count)];
      const found = { clients: [], command: [], platform: [] };
      for (let round = 1; round <= rounds; round += 1) {
        const own = process.cpuUsage();
        const a = await clients();
        const used = process.cpuUsage(own);
        found.clients.push({ rate: a.perSecond, cpu: (used.user + used.system) / 1e6 / a.answered });
        for (const [name, args] of [
          ['command', [...command, '--url', quintet.url, '--model', model, ...pictures]],
          ['platform', [...loop, ...files]],
        ]) {
          const took = await timed(args);
          found[name].push({ rate: count / took.seconds, cpu: took.cpu / count });
        }
        const last = Object.entries(found).map(([name, list]) => `${name} ${list.at(-1).rate.toFixed(1)}`);
        say(`round ${round} of ${rounds}, ${model}: ${last.join(', ')} images/s`);
      }
      await quintet.stop();
      const ratio = (list) => median(list.map(({ rate }, round) => rate / found.clients[round].rate));
      const labels = {
        clients: `${concurrency} lean clients`,
        command: 'quintet classify',
        platform: 'library, platform’s fetch',
      };
      for (const [name, list] of Object.entries(found)) {
        const rates = median(list.map(({ rate }) => rate));
        rows.push([model, labels[name], rates, ratio(list), median(list.map(({ cpu }) => cpu)) * 1000]);
      }
      data[model] = found;
      const reached = ratio(found.command);
      if (reached < promised) shortfalls.push(`${model}: ${reached.toFixed(3)} of saturation, promised ${promised}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    settings: { rounds, seconds, concurrency, images: source },
    tables: [
      {
        title: 'Images per second',
        columns: ['model', 'client', 'images/s', 'of the clients', 'own CPU, ms an image'],
        rows,
        note: 'Ratios are medians of the rounds’ ratios. The command and the library are counted from the start of their process to its end.',
      },
    ],
    data,
    shortfalls,
  };
}
