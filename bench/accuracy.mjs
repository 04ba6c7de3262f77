/**
 * How right the answers are: every image of a folder through the HTTP API, compared with a reference.
 *
 *   npm run accuracy -- --images DIR --reference FILE [--url URL] [--mirror DIR] [--json]
 *
 * FILE is JSON: {model: <file name>, images: {<file>: {class_index, top5: [{index, score}]}}}, what the model says of the
 * reference preprocessing of each image. Prints
 *   - agreement: the share of images whose first label is the reference's first label
 *   - score difference: of that class, mean and largest
 *   - accuracy: the share of images whose first (and first five) labels hold the true class, for both
 *   - preprocessing: mean absolute difference, of 255, to <folder of FILE>/crops, where that exists
 * Without --url it starts Quintet by itself (scripts/start.mjs) on a free port with the reference's model, taken from
 * --mirror, by default the folder `models` beside the reference's folder. Exit code 1 if agreement is under 97 % or the
 * mean score difference is 0.05 or more.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const limits = { agreement: 0.97, scoreDifference: 0.05 };
const concurrency = 8;

const usage = 'usage: npm run accuracy -- --images DIR --reference FILE [--url URL] [--mirror DIR] [--json]';

/** @param {string} message @returns {never} */
function fail(message) {
  process.stderr.write(`accuracy: ${message}\n`);
  process.exit(2);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  await new Promise((done) => server.close(done));
  return port;
}

/** Starts Quintet; resolves once it is ready. */
async function startQuintet(model, mirror) {
  const port = await freePort();
  const child = spawn(process.execPath, [join(root, 'scripts/start.mjs')], {
    cwd: root,
    env: {
      ...process.env,
      PORT: String(port),
      MODEL: model,
      DATA_DIR: join(root, '.quintet/accuracy'),
      ...(mirror === undefined ? {} : { MODEL_BASE_URL: pathToFileURL(mirror).href }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  await new Promise((done, reject) => {
    child.stdout.on('data', (chunk) => {
      output += String(chunk);
      if (/^.*Quintet is ready:/m.test(output)) done(undefined);
    });
    child.once('exit', (code) => reject(new Error(`npm start ended with ${code}:\n${output}`)));
  });
  const exited = new Promise((done) => child.once('exit', done));
  return {
    url: `http://localhost:${port}`,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Posts one image and waits for its five labels. */
async function classify(url, model, file) {
  const response = await fetch(`${url}/v1/jobs?model=${model}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', prefer: 'wait=60' },
    body: await readFile(file),
  });
  const job = await response.json();
  if (job.status !== 'succeeded') throw new Error(`${basename(file)}: ${JSON.stringify(job)}`);
  return job.predictions;
}

async function inParallel(items, work) {
  const results = [];
  const next = items.entries();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (const [index, item] of next) results[index] = await work(item);
    }),
  );
  return results;
}

async function preprocessingDifference(images, files, crops) {
  const { configureSharp, createPreprocessor } = await import('../services/worker/dist/preprocess/index.js');
  const { default: sharp } = await import('sharp');
  configureSharp();
  const preprocessor = createPreprocessor({ resize: 256, crop: 224, maxPixels: 100_000_000, timeoutSeconds: 60 });
  const differences = [];
  for (const file of files) {
    const reference = join(crops, file.replace(/\.\w+$/, '.png'));
    if (!existsSync(reference)) continue;
    const { data } = await preprocessor.preprocess(await readFile(join(images, file)));
    const expected = await sharp(reference).removeAlpha().raw().toBuffer();
    let sum = 0;
    for (let index = 0; index < expected.length; index += 1) sum += Math.abs(data[index] - expected[index]);
    differences.push(sum / expected.length);
  }
  await preprocessor.close();
  return differences;
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
const percent = (share) => `${(share * 100).toFixed(1)} %`;

async function main() {
  const { values } = parseArgs({
    options: {
      images: { type: 'string' },
      reference: { type: 'string' },
      url: { type: 'string' },
      mirror: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  if (values.images === undefined || values.reference === undefined) fail(usage);
  const images = resolve(values.images);
  const referenceFile = resolve(values.reference);
  const reference = JSON.parse(await readFile(referenceFile, 'utf8'));
  const files = (await readdir(images)).filter((file) => Object.hasOwn(reference.images, file)).sort();
  if (files.length === 0) fail(`no image of ${images} is in ${referenceFile}`);
  const beside = join(dirname(dirname(referenceFile)), 'models');
  const mirror = values.mirror ?? (existsSync(beside) ? beside : undefined);

  const { catalogue } = await import('../packages/models/dist/index.js').catch(() =>
    fail('the project is not built; run `npm start` or `npm run build` first'),
  );
  const model = catalogue.find(({ file }) => file === reference.model)?.name;
  if (model === undefined) fail(`the catalogue has no model of the file ${reference.model}`);

  const quintet =
    values.url === undefined ? await startQuintet(model, mirror) : { url: values.url, stop: async () => {} };
  let answers;
  try {
    answers = await inParallel(files, (file) => classify(quintet.url, model, join(images, file)));
  } finally {
    await quintet.stop();
  }
  const rows = files.map((file, index) => {
    const { top5, class_index: truth } = reference.images[file];
    const found = answers[index];
    const score = found.find((prediction) => prediction.index === top5[0].index)?.score ?? 0;
    return {
      file,
      agrees: found[0].index === top5[0].index,
      difference: Math.abs(score - top5[0].score),
      right: found[0].index === truth,
      right5: found.some((prediction) => prediction.index === truth),
      referenceRight: top5[0].index === truth,
      referenceRight5: top5.some(({ index: label }) => label === truth),
    };
  });
  const share = (key) => rows.filter((row) => row[key]).length / rows.length;
  const differences = rows.map(({ difference }) => difference);
  const crops = join(dirname(referenceFile), 'crops');
  const pixels = existsSync(crops) ? await preprocessingDifference(images, files, crops) : [];
  const result = {
    model,
    images: rows.length,
    agreement: share('agrees'),
    mean_score_difference: mean(differences),
    largest_score_difference: Math.max(...differences),
    top1: share('right'),
    top5: share('right5'),
    reference_top1: share('referenceRight'),
    reference_top5: share('referenceRight5'),
    ...(pixels.length === 0
      ? {}
      : { preprocessing_mean_difference: mean(pixels), preprocessing_largest_difference: Math.max(...pixels) }),
    disagreements: rows.filter(({ agrees }) => !agrees).map(({ file }) => file),
  };
  const passed = result.agreement >= limits.agreement && result.mean_score_difference < limits.scoreDifference;
  if (values.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else {
    const lines = [
      `model                     ${model}, ${rows.length} images through ${quintet.url}`,
      `agreement of first label  ${percent(result.agreement)} (at least ${percent(limits.agreement)})`,
      `score difference          mean ${result.mean_score_difference.toFixed(4)} (under ${limits.scoreDifference}), largest ${result.largest_score_difference.toFixed(4)}`,
      `true class first          ${percent(result.top1)} (reference ${percent(result.reference_top1)})`,
      `true class in five        ${percent(result.top5)} (reference ${percent(result.reference_top5)})`,
      ...(pixels.length === 0
        ? []
        : [
            `preprocessing             mean ${result.preprocessing_mean_difference.toFixed(3)} of 255, largest ${result.preprocessing_largest_difference.toFixed(3)}, over ${pixels.length} images`,
          ]),
      ...result.disagreements.map((file) => `differs                   ${file}`),
      passed ? 'passed' : 'failed',
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  }
  process.exitCode = passed ? 0 : 1;
}

main().catch((error) => {
  process.stderr.write(`accuracy: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
