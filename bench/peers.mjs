/**
 * Quintet beside what one would use instead: LitServe, BentoML, Ray Serve, transformers.js behind Express, and the naive program.
 * All serve the same ONNX file on the same cores with the settings that their projects recommend (peers/README.md), are asked by
 * the same clients for the same pictures, and take turns: A, B, C, …, A, B, C, …, one running at a time (peers/turn.mjs).
 *
 * Throughput is the median of the rounds; latencies are those of all rounds together, since a 99th percentile needs many. Where
 * other programs took more than a tenth of the cores during a measurement, it is left out, unless a system has no better one at
 * that concurrency. A system that cannot be installed or started stays in the tables, with the reason.
 */
import { benchImages } from './lib/images.mjs';
import { benchModel } from './lib/model.mjs';
import { median, quantile } from './lib/statistics.mjs';
import { systems } from './peers/systems.mjs';
import { takeTurn } from './peers/turn.mjs';

export const summary = 'Quintet, LitServe, BentoML, Ray Serve, transformers.js and a naive program side by side';
export const options = {
  rounds: { type: /** @type {const} */ ('string'), default: '3', hint: 'N' },
  seconds: { type: /** @type {const} */ ('string'), default: '8', hint: 'N for each measurement' },
  concurrency: { type: /** @type {const} */ ('string'), default: '1,4,16,64', hint: 'N,…' },
  only: { type: /** @type {const} */ ('string'), hint: `NAME,… of ${systems.map(({ name }) => name).join(', ')}` },
  model: { type: /** @type {const} */ ('string'), default: 'resnet50-demo', hint: 'NAME' },
  images: { type: /** @type {const} */ ('string'), hint: 'DIR' },
  tried: { type: /** @type {const} */ ('boolean'), default: false, hint: 'also the settings that were not chosen' },
};

/** What Quintet promises: to lead in throughput at one concurrency, and in the 99th percentile at another. */
const promised = { throughput: 16, latency: 1 };
/** The share of the cores that other programs may take. */
const quiet = 0.1;

/**
 * @typedef {{ name: string, configuration: string, versions: Record<string, string>, turns: import('./peers/turn.mjs').Turn[],
 *   failure?: string, start?: () => Promise<import('./peers/systems.mjs').Started> }} Contender
 */

/** @param {{ values: Record<string, any>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  const concurrencies = String(values.concurrency).split(',').map(Number);
  const wanted = values.only === undefined ? systems.map(({ name }) => name) : String(values.only).split(',');
  const unknown = wanted.filter((name) => !systems.some((system) => system.name === name));
  if (unknown.length > 0) throw new Error(`there is no system ${unknown.join(', ')}`);
  const model = await benchModel(values.model, say);
  const { source, images } = await benchImages(values.images);

  const contenders = /** @type {Contender[]} */ ([]);
  for (const system of systems.filter(({ name }) => wanted.includes(name))) {
    contenders.push(...(await prepare(system, { setting: { model, images, say }, tried: values.tried })));
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const contender of contenders) {
      const { name, start } = contender;
      if (start === undefined || contender.failure !== undefined) continue;
      try {
        contender.turns.push(await takeTurn(start, { concurrencies, seconds }));
        say(
          `round ${round} of ${rounds}: ${name}, ${contender.configuration}: ${describeTurn(contender.turns.at(-1))}`,
        );
      } catch (error) {
        contender.failure = messageOf(error);
        say(`${name} is out: ${contender.failure}`);
      }
    }
  }
  return {
    settings: { model: values.model, rounds, seconds, images: source },
    tables: tablesOf(contenders, concurrencies),
    data: contenders.map((each) => ({ ...each, start: undefined })),
    shortfalls: shortfallsOf(contenders),
  };
}

/**
 * @param {import('./peers/systems.mjs').System} system
 * @param {{ setting: import('./peers/systems.mjs').Setting, tried: boolean }} options
 * @returns {Promise<Contender[]>}
 */
async function prepare(system, { setting, tried }) {
  const { name, configurations, describe } = system;
  const chosen = tried ? configurations : configurations.slice(0, 1);
  const common = chosen.map((each) => ({ name, configuration: describe(each), versions: {}, turns: [] }));
  try {
    const { versions, start } = await system.prepare(setting);
    return common.map((each, index) => ({ ...each, versions, start: () => start(chosen[index]) }));
  } catch (error) {
    return common.map((each) => ({ ...each, failure: messageOf(error) }));
  }
}

/** In one line and without the bars of a Markdown table. @param {unknown} error */
const messageOf = (error) =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/[\s|]+/g, ' ').slice(0, 400);

/** @param {import('./peers/turn.mjs').Turn | undefined} turn */
function describeTurn(turn) {
  const each = (turn?.measured ?? []).map(({ concurrency, perSecond, others }) => {
    return `${perSecond.toFixed(1)} images/s at ${concurrency}${others > quiet ? ` (others ${Math.round(others * 100)} %)` : ''}`;
  });
  return each.join(', ');
}

/** The measurements that count, of a system at a concurrency. @param {Contender} contender @param {number} concurrency */
function measurements({ turns }, concurrency) {
  const all = turns.flatMap(({ measured }) => measured.filter((each) => each.concurrency === concurrency));
  const undisturbed = all.filter(({ others }) => others <= quiet);
  return undisturbed.length > 0 ? undisturbed : all;
}

/** @param {Contender} contender @param {number} concurrency */
function throughput(contender, concurrency) {
  const rates = measurements(contender, concurrency).map(({ perSecond }) => perSecond);
  return rates.length === 0 ? Number.NaN : median(rates);
}

/** @param {Contender} contender @param {number} concurrency @param {number} share */
function latency(contender, concurrency, share) {
  return quantile(
    measurements(contender, concurrency).flatMap(({ latencies }) => latencies),
    share,
  );
}

/** @param {readonly Contender[]} contenders @param {readonly number[]} concurrencies */
function tablesOf(contenders, concurrencies) {
  const quintet = contenders.find(({ name }) => name === 'quintet');
  const tried = contenders.length > new Set(contenders.map(({ name }) => name)).size;
  const label = (/** @type {Contender} */ { name, configuration }) => (tried ? `${name}, ${configuration}` : name);
  const byConcurrency = (
    /** @type {string} */ title,
    /** @type {(contender: Contender, concurrency: number) => number} */ value,
    /** @type {string} */ note,
  ) => ({
    title,
    columns: ['system', ...concurrencies.map((concurrency) => `${concurrency} at once`)],
    rows: contenders.map((each) => [label(each), ...concurrencies.map((concurrency) => value(each, concurrency))]),
    note,
  });
  const busiest = concurrencies.includes(promised.throughput) ? promised.throughput : Math.max(...concurrencies);
  return [
    byConcurrency('Images per second', throughput, 'Median of the rounds.'),
    byConcurrency(
      'Median latency, ms',
      (each, concurrency) => latency(each, concurrency, 0.5),
      'Of all rounds together.',
    ),
    byConcurrency(
      '99th percentile of latency, ms',
      (each, concurrency) => latency(each, concurrency, 0.99),
      'Likewise.',
    ),
    {
      title: 'What it takes, and whether it answers the same',
      columns: [
        'system',
        'memory, MB',
        'CPU s for 1000 images',
        'start, s',
        'errors',
        'same first label',
        'score apart',
        'disturbed',
      ],
      rows: contenders.map((each) => [
        label(each),
        peak(each),
        median0(measurements(each, busiest).map(({ cpuPerThousand }) => cpuPerThousand)),
        median0(each.turns.map(({ startSeconds }) => startSeconds)),
        each.turns.flatMap(({ measured }) => measured).reduce((sum, { errors }) => sum + errors, 0),
        ...agreement(each, quintet),
        disturbance(each),
      ]),
      note:
        `Memory: the most of all processes together (PSS: what they share counts once), under load. CPU time at ${busiest} at once. ` +
        'Labels and scores compared with Quintet’s for the same pictures; the scores’ mean difference. Disturbed: measurements in ' +
        `which other programs took over ${quiet * 100} % of the cores, and the most that they took.`,
    },
    {
      title: 'Settings',
      columns: ['system', 'processes × threads, batches', 'versions', 'not measured because'],
      rows: contenders.map(({ name, configuration, versions, failure }) => [
        name,
        configuration,
        Object.entries(versions)
          .map((entry) => entry.join(' '))
          .join(', ') || (failure === undefined ? 'this repository' : '–'),
        failure ?? '',
      ]),
    },
  ];
}

/** @param {Contender} contender */
function disturbance({ turns }) {
  const shares = turns.flatMap(({ measured }) => measured.map(({ others }) => others));
  const disturbed = shares.filter((share) => share > quiet).length;
  return shares.length === 0 ? '–' : `${disturbed} of ${shares.length}, ${Math.round(Math.max(...shares) * 100)} %`;
}

/** @param {readonly number[]} values */
const median0 = (values) => (values.length === 0 ? Number.NaN : median(values));

/** @param {Contender} contender */
const peak = ({ turns }) => (turns.length === 0 ? Number.NaN : Math.max(...turns.map(({ memory }) => memory)));

/** How many first labels are Quintet's, and how far apart the scores. @param {Contender} contender @param {Contender | undefined} quintet */
function agreement(contender, quintet) {
  const own = contender.turns[0]?.tops;
  const other = quintet?.turns[0]?.tops;
  if (own === undefined || other === undefined) return ['–', '–'];
  const same = own.filter((top, index) => top !== undefined && top.label === other[index]?.label).length;
  const apart = own.map((top, index) => Math.abs((top?.score ?? 0) - (other[index]?.score ?? 0)));
  return [`${same} of ${own.length}`, (apart.reduce((sum, each) => sum + each, 0) / apart.length).toFixed(4)];
}

/** Where Quintet does not lead as promised. @param {readonly Contender[]} contenders */
function shortfallsOf(contenders) {
  const quintet = contenders.find(({ name }) => name === 'quintet');
  if (quintet === undefined) return [];
  if (quintet.turns.length === 0) return [`Quintet was not measured: ${quintet.failure}`];
  const shortfalls = [];
  for (const each of contenders.filter(({ name }) => name !== quintet.name)) {
    const [rate, ownRate] = [each, quintet].map((one) => throughput(one, promised.throughput));
    if (rate >= ownRate) {
      shortfalls.push(
        `${each.name} classifies ${rate.toFixed(1)} images/s at ${promised.throughput} at once, Quintet ${ownRate.toFixed(1)}`,
      );
    }
    const [slow, ownSlow] = [each, quintet].map((one) => latency(one, promised.latency, 0.99));
    if (slow <= ownSlow) {
      shortfalls.push(
        `${each.name} answers in ${slow.toFixed(1)} ms (p99) at ${promised.latency} at once, Quintet in ${ownSlow.toFixed(1)} ms`,
      );
    }
  }
  return shortfalls;
}
