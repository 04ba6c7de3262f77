/**
 * What a quantised model answers on a CPU that sums int8 products in 16 bits, exactly and fast, and what exactness costs here.
 *
 *   node bench/int8-arithmetic.mjs --model NAME --images DIR [--limit N] [--emulator FILE] [--cpu NAME]
 *
 * Prints Markdown. NAME is a folder of MODELS_DIR (by default .quintet/models). The model runs with either arithmetic on this CPU
 * and, with --emulator, a qemu-x86_64 of user mode, on the CPU that it emulates (Haswell by default: AVX2 without VNNI). The first
 * line is what all are compared with. Times are CPU time of one picture in one thread, medians of alternating runs; those of an
 * emulated CPU mean nothing and are left out.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { importBuilt, root } from '../scripts/lib/project.mjs';
import { median } from './lib/statistics.mjs';

// Read when the library is loaded, which the next line does.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
const { sessionOptions } = await importBuilt('services/worker/dist/inference/session.js');

/** Runs what `task` names on the tensors that it names, and writes the logits. @param {any} task */
async function answer({ modelPath, arithmetics, inputs, shape, out }) {
  const ort = createRequire(join(root, 'services/worker/package.json'))('onnxruntime-node');
  const sessions = await Promise.all(
    arithmetics.map((/** @type {string} */ arithmetic) => {
      const file = { path: modelPath, prepared: false, exactInt8: arithmetic === 'exact' };
      return ort.InferenceSession.create(modelPath, sessionOptions({ file, provider: 'cpu', intraOpThreads: 1 }));
    }),
  );
  const values = new Float32Array(readFileSync(inputs).buffer);
  const size = shape[1] * shape[2] * shape[3];
  const logits = arithmetics.map(() => /** @type {number[][]} */ ([]));
  const times = arithmetics.map(() => /** @type {number[]} */ ([]));
  for (let at = 0; at < values.length; at += size) {
    const tensor = new ort.Tensor('float32', values.slice(at, at + size), shape);
    for (const [index, session] of sessions.entries()) {
      const began = process.cpuUsage();
      const result = await session.run({ [session.inputNames[0]]: tensor });
      const { user, system } = process.cpuUsage(began);
      times[index].push((user + system) / 1000);
      logits[index].push([...result[session.outputNames[0]].data]);
    }
  }
  writeFileSync(out, JSON.stringify({ logits, ms: times.map(median) }));
}

const top = (/** @type {number[]} */ logits) => logits.indexOf(Math.max(...logits));

async function main() {
  const { values } = parseArgs({
    options: {
      model: { type: 'string' },
      images: { type: 'string' },
      limit: { type: 'string', default: '100' },
      emulator: { type: 'string' },
      cpu: { type: 'string', default: 'Haswell' },
    },
  });
  if (!values.model || !values.images) throw new Error('needs --model NAME and --images DIR');
  const { loadModel } = await importBuilt('packages/models/dist/index.js');
  const { configureSharp, createPreprocessor } = await importBuilt('services/worker/dist/preprocess/index.js');
  const { createNormalizer } = await importBuilt('services/worker/dist/inference/normalize.js');
  const { manifest, modelPath } = await loadModel(
    join(resolve(root, process.env['MODELS_DIR'] || '.quintet/models'), values.model),
  );
  const { crop, layout } = manifest.preprocess;
  configureSharp();
  const spec = manifest.preprocess;
  const preprocessor = createPreprocessor({ spec, maxPixels: 100_000_000, timeoutMs: 60_000 });
  const normalize = createNormalizer(manifest.preprocess);
  const files = readdirSync(values.images).sort().slice(0, Number(values.limit));
  const size = 3 * crop * crop;
  const tensors = new Float32Array(files.length * size);
  for (const [index, file] of files.entries()) {
    const { data } = await preprocessor.preprocess(readFileSync(join(values.images, file)));
    normalize(data, 0, tensors, index);
  }
  await preprocessor.close();

  const folder = mkdtempSync(join(tmpdir(), 'quintet-int8-'));
  const [inputs, out] = [join(folder, 'inputs'), join(folder, 'out.json')];
  writeFileSync(inputs, new Uint8Array(tensors.buffer));
  const shape = layout === 'NCHW' ? [1, 3, crop, crop] : [1, crop, crop, 3];
  const task = JSON.stringify({ modelPath, arithmetics: ['exact', 'fast'], inputs, shape, out });
  const node = [process.execPath, fileURLToPath(import.meta.url), '--task', task];
  const commands = new Map([['this CPU', node]]);
  if (values.emulator) commands.set(values.cpu, [values.emulator, '-cpu', values.cpu, ...node]);
  let reference;
  process.stdout.write('| CPU | arithmetic | same first class | same logits | largest difference | ms |\n');
  process.stdout.write('| --- | --- | ---: | --- | ---: | ---: |\n');
  for (const [cpu, [command, ...args]] of commands) {
    execFileSync(command, args, { stdio: ['ignore', 'inherit', 'ignore'] });
    const { logits, ms } = JSON.parse(readFileSync(out, 'utf8'));
    for (const [index, arithmetic] of ['exact', 'fast'].entries()) {
      reference ??= logits[index];
      const same = files.filter((_, i) => top(logits[index][i]) === top(reference[i])).length / files.length;
      const difference = Math.max(
        ...files.map((_, i) => Math.max(...reference[i].map((value, k) => Math.abs(value - logits[index][i][k])))),
      );
      const cells = [cpu, arithmetic, `${(same * 100).toFixed(1)} %`, difference === 0 ? 'to the bit' : 'no'];
      const time = cpu === 'this CPU' ? ms[index].toFixed(1) : '–';
      process.stdout.write(`| ${[...cells, difference.toFixed(2), time].join(' | ')} |\n`);
    }
  }
  rmSync(folder, { recursive: true });
}

const at = process.argv.indexOf('--task');
await (at < 0 ? main() : answer(JSON.parse(process.argv[at + 1])));
