/**
 * The whole of Quintet on the cores that the bare model would have to itself: API, Redis, worker, webhooks and the clients.
 *
 * In each round and for each model: bare session.run (`limit`), the same with sharp decoding every picture (`bound`), then a
 * closed loop of clients over HTTP, one concurrency after the other. What is compared is measured within seconds of each
 * other, and the median of the rounds' ratios counts. Only one of them works at a time; what is idle takes nothing.
 */
import { startBare } from './lib/bare.mjs';
import { benchImages } from './lib/images.mjs';
import { closedLoop } from './lib/load.mjs';
import { benchModel } from './lib/model.mjs';
import { cpuSeconds, memory, proportionalMemory } from './lib/processes.mjs';
import { startBenchQuintet } from './lib/quintet-process.mjs';
import { median, quantile } from './lib/statistics.mjs';

export const summary = 'API, Redis and worker under load on the same cores, against limit and bound';
export const options = {
  models: { type: /** @type {const} */ ('string'), default: 'resnet50-demo,resnet50-demo-int8', hint: 'NAME,…' },
  concurrency: { type: /** @type {const} */ ('string'), default: '1,4,16,64', hint: 'N,…' },
  saturated: {
    type: /** @type {const} */ ('string'),
    default: '16',
    hint: 'N: the concurrency that is held against the limit',
  },
  rounds: { type: /** @type {const} */ ('string'), default: '5', hint: 'N' },
  seconds: { type: /** @type {const} */ ('string'), default: '6', hint: 'N for each measurement' },
  images: { type: /** @type {const} */ ('string'), hint: 'DIR of JPEGs' },
};

const promised = { fp32: { limit: 0.9, bound: 0.95 }, int8: { limit: 0.85, bound: 0.95 }, int8OverFp32: 1.6 };
const memoryPromised = { fp32: 500, int8: 300 };
/** How often memory is looked at: a look at a process takes a millisecond or two. */
const sampleMs = 1000;
const kind = (/** @type {string} */ model) => (model.includes('int8') ? 'int8' : 'fp32');

/**
 * @typedef {Awaited<ReturnType<typeof startSubject>>} Subject
 * @param {string} name
 * @param {readonly Buffer[]} images
 * @param {(text: string) => void} say
 */
async function startSubject(name, images, say) {
  const { modelPath } = await benchModel(name, say);
  const quintet = await startBenchQuintet(name);
  const { streams, intraOpThreads } = await quintet.layout();
  const bare = { path: modelPath, streams, intraOpThreads };
  const limit = await startBare(bare);
  const bound = await startBare({ ...bare, images: [...images] });
  say(`${name}: ${streams} × ${intraOpThreads} threads`);
  return { name, quintet, limit, bound, layout: `${streams} × ${intraOpThreads}` };
}

/** @param {Subject} subject @param {readonly Buffer[]} images @param {number} concurrency @param {number} seconds */
async function load({ quintet }, images, concurrency, seconds) {
  const before = quintet.processes();
  const cpu = new Map([...before.keys()].map((pid) => [pid, cpuSeconds(pid)]));
  const own = process.cpuUsage();
  const peaks = /** @type {Record<string, number>} */ ({});
  const sample = () => {
    for (const [pid, role] of before) peaks[role] = Math.max(peaks[role] ?? 0, proportionalMemory([pid]));
  };
  const timer = setInterval(sample, sampleMs);
  const result = await closedLoop({ url: quintet.jobsUrl, headers: quintet.headers, images, concurrency, seconds });
  clearInterval(timer);
  const used = process.cpuUsage(own);
  const seconds_by = /** @type {Record<string, number>} */ ({ clients: (used.user + used.system) / 1e6 });
  for (const [pid, role] of before) seconds_by[role] = (seconds_by[role] ?? 0) + cpuSeconds(pid) - (cpu.get(pid) ?? 0);
  return { ...result, cpu: seconds_by, peaks };
}

/** @param {{ values: Record<string, string>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const [rounds, seconds, saturated] = [values.rounds, values.seconds, values.saturated].map(Number);
  const concurrencies = [...new Set([...values.concurrency.split(',').map(Number), saturated])].sort((a, b) => a - b);
  const { images, source } = await benchImages(values.images);
  const subjects = [];
  for (const name of values.models.split(',')) subjects.push(await startSubject(name, images, say));
  const results = subjects.map(() => ({
    limit: [],
    bound: [],
    loads: new Map(concurrencies.map((each) => [each, []])),
  }));
  for (const subject of subjects) await load(subject, images, saturated, 2);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, subject] of subjects.entries()) {
      const into = results[index];
      into.limit.push(await subject.limit.measure(seconds));
      into.bound.push(await subject.bound.measure(seconds));
      for (const concurrency of concurrencies)
        into.loads.get(concurrency).push(await load(subject, images, concurrency, seconds));
      const rate = (list) => list.at(-1).perSecond.toFixed(1);
      say(
        `round ${round + 1} of ${rounds}, ${subject.name}: limit ${rate(into.limit)}, bound ${rate(into.bound)}, ` +
          `system ${rate(into.loads.get(saturated))} images/s`,
      );
    }
  }
  const memories = subjects.map(({ quintet }) =>
    [...quintet.processes()].map(([pid, role]) => ({ role, ...memory(pid) })),
  );
  for (const { quintet, limit, bound } of subjects) await Promise.all([quintet.stop(), limit.stop(), bound.stop()]);
  return summarise({
    subjects,
    results,
    memories,
    concurrencies,
    saturated,
    settings: { rounds, seconds, images: source },
  });
}

function summarise({ subjects, results, memories, concurrencies, saturated, settings }) {
  const rates = results.map(({ limit, bound, loads }) => {
    const system = loads.get(saturated).map(({ perSecond }) => perSecond);
    const ratio = (list) => median(system.map((rate, round) => rate / list[round].perSecond));
    return {
      limit: median(limit.map(({ perSecond }) => perSecond)),
      bound: median(bound.map(({ perSecond }) => perSecond)),
      system: median(system),
      ofLimit: ratio(limit),
      ofBound: ratio(bound),
    };
  });
  const throughput = subjects.map(({ name, layout }, index) => {
    const { limit, bound, system, ofLimit, ofBound } = rates[index];
    return [name, layout, limit, bound, system, ofLimit, ofBound];
  });
  const latency = subjects.flatMap(({ name }, index) =>
    concurrencies.map((concurrency) => {
      const loads = results[index].loads.get(concurrency);
      const all = loads.flatMap(({ latencies }) => latencies);
      const errors = loads.reduce((sum, each) => sum + each.errors, 0);
      const rate = median(loads.map(({ perSecond }) => perSecond));
      return [name, concurrency, rate, quantile(all, 0.5), quantile(all, 0.95), quantile(all, 0.99), errors];
    }),
  );
  const roles = ['worker', 'api', 'redis', 'webhooks', 'start', 'clients'];
  const cpu = subjects.map(({ name }, index) => {
    const loads = results[index].loads.get(saturated);
    const answered = loads.reduce((sum, each) => sum + each.answered, 0);
    const total = (role) => loads.reduce((sum, each) => sum + (each.cpu[role] ?? 0), 0);
    return [name, ...roles.map((role) => (total(role) / answered) * 1000)];
  });
  const peak = subjects.map(({ name }, index) => {
    const loads = [...results[index].loads.values()].flat();
    return [name, ...roles.slice(0, -1).map((role) => Math.max(...loads.map(({ peaks }) => peaks[role] ?? 0)))];
  });
  const resident = subjects.map(({ name }, index) => {
    const of = (role) => memories[index].filter((each) => each.role === role).reduce((sum, each) => sum + each.peak, 0);
    return [name, ...roles.slice(0, -1).map(of)];
  });
  return {
    settings,
    tables: [
      {
        title: `Throughput at concurrency ${saturated}, images per second`,
        columns: ['model', 'streams × threads', 'limit', 'bound', 'system', 'of limit', 'of bound'],
        rows: throughput,
        note: 'limit: bare session.run. bound: the same, with sharp decoding every picture. Ratios are medians of the rounds’ ratios.',
      },
      {
        title: 'By concurrency',
        columns: ['model', 'clients', 'images/s', 'p50, ms', 'p95, ms', 'p99, ms', 'errors'],
        rows: latency,
      },
      { title: 'CPU seconds per 1000 images', columns: ['model', ...roles], rows: cpu },
      {
        title: 'Peak memory, MB',
        columns: ['model', ...roles.slice(0, -1)],
        rows: peak,
        note: 'Proportional set size, which counts once what is mapped several times: every session maps the weights.',
      },
      {
        title: 'Peak resident set size, MB',
        columns: ['model', ...roles.slice(0, -1)],
        rows: resident,
        note: 'Counts the weights once for every session, although they are in memory once.',
      },
    ],
    data: { rates: Object.fromEntries(subjects.map(({ name }, index) => [name, rates[index]])), memories },
    shortfalls: shortfalls(subjects, rates, peak),
  };
}

function shortfalls(subjects, rates, peak) {
  const found = [];
  for (const [index, { name }] of subjects.entries()) {
    const { limit, bound } = promised[kind(name)];
    const { ofLimit, ofBound } = rates[index];
    if (ofLimit < limit) found.push(`${name}: ${ofLimit.toFixed(2)} of limit, promised ${limit}`);
    if (ofBound < bound) found.push(`${name}: ${ofBound.toFixed(2)} of bound, promised ${bound}`);
    const most = memoryPromised[kind(name)];
    if (peak[index][1] > most) found.push(`${name}: worker at ${peak[index][1].toFixed(0)} MB, promised ${most}`);
  }
  const of = (wanted) => rates[subjects.findIndex(({ name }) => kind(name) === wanted)]?.system;
  const ratio = of('int8') / of('fp32');
  if (ratio < promised.int8OverFp32)
    found.push(`int8 at ${ratio.toFixed(2)} × fp32, promised ${promised.int8OverFp32}`);
  return found;
}
