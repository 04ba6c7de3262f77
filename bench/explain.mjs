/**
 * What explanations cost: those who ask for one, and everybody else. One session of the model's own file against one whose graph
 * also outputs its last feature maps, both prepared as a worker does; the second without and with a map made. One core, the
 * same picture, alternating run by run; what counts is the CPU time of this process, to which what else the machine does adds little.
 * And what comes behind inference: the heat map's pixels and file.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importBuilt } from '../scripts/lib/project.mjs';
import { benchModel } from './lib/model.mjs';
import { median } from './lib/statistics.mjs';

export const summary = 'what an explained job costs, and what the others pay for it';
export const options = {
  models: {
    type: /** @type {const} */ ('string'),
    default: 'resnet50-demo,resnet50-demo-int8,mobilenetv2',
    hint: 'NAME,…',
  },
  seconds: { type: /** @type {const} */ ('string'), default: '20', hint: 'N for each model and batch size' },
  batches: { type: /** @type {const} */ ('string'), default: '1,4', hint: 'N,…' },
};

/** @param {{ values: Record<string, string>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const seconds = Number(values.seconds);
  const batches = values.batches.split(',').map(Number);
  const rows = [];
  const drawn = [];
  for (const name of values.models.split(',')) {
    const model = await benchModel(name, say);
    const subjects = await startBoth(model, Math.max(...batches), say);
    try {
      for (const batch of batches) {
        const slots = Array.from({ length: batch }, (_, slot) => slot);
        const ways = {
          plain: () => subjects.plain.run(slots),
          silent: () => subjects.extended.run(slots),
          one: () => subjects.extended.run(slots, [0]),
          ...(batch === 1 ? {} : { all: () => subjects.extended.run(slots, slots) }),
        };
        const times = await alternate(ways, seconds);
        const added = (/** @type {number[] | undefined} */ own) =>
          own === undefined ? '–' : percent(median(own.map((ms, at) => ms / times.plain[at])) - 1);
        rows.push([
          name,
          batch,
          median(times.plain),
          added(times.silent),
          added(times.one),
          added(times.all),
          times.plain.length,
        ]);
        say(`${name}, batches of ${batch}: done`);
      }
      const [map] = (await subjects.extended.run([0], [0])).maps;
      drawn.push([name, `${map.rows} × ${map.columns}`, ...(await timeDrawing(model, map))]);
    } finally {
      await subjects.stop();
    }
  }
  return {
    settings: { seconds, batches },
    tables: [
      {
        title: 'Inference, in one thread',
        columns: ['model', 'batch', 'plain, CPU ms', 'nobody asks', 'one asks', 'all ask', 'runs'],
        rows,
        note: 'Medians of the ratios of neighbouring runs; normalisation included, as in timing_ms.inference.',
      },
      { title: 'Behind it', columns: ['model', 'places', 'pixels, ms', 'pixels and PNG, ms', 'bytes'], rows: drawn },
    ],
  };
}

/** @param {any} model @param {number} maxBatch @param {(text: string) => void} say */
async function startBoth(model, maxBatch, say) {
  const { InferenceStream } = await importBuilt('services/worker/dist/inference/stream.js');
  const { modelFile } = await importBuilt('services/worker/dist/inference/model-file.js');
  const { tune } = await importBuilt('services/worker/dist/profile/tune.js');
  const { createLogger } = await importBuilt('packages/shared/dist/index.js');
  const { manifest, labels } = model;
  const { file, head } = await modelFile(model, 'exact');
  if ('reason' in head) throw new Error(`${manifest.name} cannot be explained: ${head.reason}`);
  const folder = await mkdtemp(join(tmpdir(), 'quintet-bench-explain-'));
  const side = manifest.preprocess.crop;
  const slots = new SharedArrayBuffer(maxBatch * side * side * 3);
  const pixels = new Uint8Array(slots);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = 128 + 100 * Math.sin((at % (side * 3)) / 60 + at / 90_000);
  const shape = { provider: 'cpu', input: manifest.preprocess, classes: labels.length };
  const fixed = { streams: 1, intraOpThreads: 1, maxBatch };
  /** @param {any} own @param {any} maps */
  const start = async (own, maps) => {
    const tuning = await tune({
      ...{ ...shape, file: own, version: manifest.version, folders: [folder], cores: 1, fixed, profile: 'off' },
      logger: createLogger('bench', 'warn'),
    });
    const settings = {
      ...shape,
      file: tuning.file,
      intraOpThreads: 1,
      maxBatch,
      warmUp: [1, maxBatch],
      slots,
      head: maps,
    };
    const started = await InferenceStream.start(settings, { onDeath: () => undefined, onStuck: () => undefined });
    if (maps !== undefined && started.unexplained !== undefined) throw new Error(started.unexplained);
    return started.stream;
  };
  say(`${manifest.name}: preparing both graphs`);
  const plain = await start({ ...file, extension: undefined }, undefined);
  const extended = await start(file, head);
  const stop = async () => {
    await Promise.all([plain.stop(), extended.stop()]);
    await rm(folder, { recursive: true, force: true });
  };
  return { plain, extended, stop };
}

/**
 * CPU milliseconds of each way, run in turn.
 *
 * @template {string} Name
 * @param {Record<Name, () => Promise<unknown>>} ways
 * @param {number} seconds
 * @returns {Promise<Record<Name, number[]>>}
 */
async function alternate(ways, seconds) {
  const names = /** @type {Name[]} */ (Object.keys(ways));
  const times = /** @type {Record<Name, number[]>} */ (Object.fromEntries(names.map((name) => [name, []])));
  for (const name of names) await ways[name]();
  const end = performance.now() + seconds * 1000;
  // Each is first, second and so on as often as the others.
  for (let round = 0; performance.now() < end || times[names[0]].length < 12; round += 1) {
    const order = [...names.slice(round % names.length), ...names.slice(0, round % names.length)];
    for (const name of order) {
      const before = process.cpuUsage();
      await ways[name]();
      const { user, system } = process.cpuUsage(before);
      times[name].push((user + system) / 1000);
    }
  }
  return times;
}

/** @param {any} model @param {any} map */
async function timeDrawing({ manifest, labels }, map) {
  const { createExplainer } = await importBuilt('services/worker/dist/explain/explainer.js');
  const { drawHeatMap } = await importBuilt('services/worker/dist/explain/explainer.js');
  const explain = createExplainer(labels, manifest.preprocess);
  const [pixels, whole] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
  let bytes = 0;
  for (let run = 0; run < 200; run += 1) {
    const begun = performance.now();
    drawHeatMap(map);
    pixels.push(performance.now() - begun);
    const again = performance.now();
    bytes = (await explain(map, { width: 640, height: 480 })).png.length;
    whole.push(performance.now() - again);
  }
  return [median(pixels), median(whole), bytes];
}

/** @param {number} part */
const percent = (part) => `${part < 0 ? '−' : '+'}${Math.abs(part * 100).toFixed(2)} %`;
