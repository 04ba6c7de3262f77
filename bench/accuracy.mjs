/**
 * How right the answers are: every image of a folder through the HTTP API, compared with a reference.
 *
 *   npm run accuracy -- --images DIR --reference FILE [--model NAME] [--url URL] [--mirror DIR] [--json]
 *
 * FILE is JSON: {model: <file name>, images: {<file>: {class_index, top5: [{index, score, logit?}]}}}, what a model says of the
 * reference preprocessing of each image. NAME is a model of the catalogue, or a folder of MODELS_DIR (by default where
 * `npm run models` has them); without it, the catalogue's model of FILE's name. Without --url, Quintet is started on a free port
 * with that model, which is taken from --mirror, by default the folder `models` beside the reference's folder.
 *
 * A quantised model is not the same function on every CPU (bench/bare-reference.mjs). So bare ONNX Runtime is run on crops
 * too, here and now: on those of the folder `crops` beside FILE where the model wants bilinear ones of 256 and 224, else on the
 * worker's, which are Pillow's (parity.test.ts). FILE judges, unless the quantised model that it is of does not reproduce it
 * even there: it was made with other arithmetic, and what bare ONNX Runtime says on this CPU judges.
 *
 * Exit code 1 if the first label agrees for too few of the images (a float model must meet every one, a quantised one 95 %), or
 * if the score of the reference's first label differs by 0.05 or more on average.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, parse, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { importBuilt, root } from '../scripts/lib/project.mjs';
import { startQuintet } from './lib/quintet-process.mjs';

const limits = { float: 1, quantised: 0.95, scoreDifference: 0.05 };
const concurrency = 8;
const dataDir = join(root, '.quintet/accuracy');

/** @param {string} message @returns {never} */
function fail(message) {
  process.stderr.write(`accuracy: ${message}\n`);
  process.exit(2);
}

/** Posts one image and waits for its labels. */
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

/** Hands each image's crop, as a worker makes it for `spec`, to `use`. */
async function forEachCrop(spec, images, files, use) {
  const { configureSharp, createPreprocessor } = await importBuilt('services/worker/dist/preprocess/index.js');
  configureSharp();
  const preprocessor = createPreprocessor({ spec, maxPixels: 100_000_000, timeoutMs: 60_000 });
  for (const file of files) await use(file, (await preprocessor.preprocess(await readFile(join(images, file)))).data);
  await preprocessor.close();
}

/** By how much the worker's crops differ from the reference's, of 255, for each image. */
async function preprocessingDifferences(spec, images, files, crops) {
  const { default: sharp } = await import('sharp');
  const differences = [];
  await forEachCrop(spec, images, files, async (file, data) => {
    const png = join(crops, `${parse(file).name}.png`);
    const expected = await sharp(png, { ignoreIcc: true }).removeAlpha().raw().toBuffer();
    const sum = expected.reduce((total, value, index) => total + Math.abs(value - data[index]), 0);
    differences.push(sum / expected.length);
  });
  return { mean: mean(differences), largest: Math.max(...differences) };
}

/** What bare ONNX Runtime says of the worker's crops. */
async function bareOnOwnCrops({ manifest, modelPath }, images, files) {
  const { default: sharp } = await import('sharp');
  const folder = await mkdtemp(join(tmpdir(), 'quintet-crops-'));
  const { crop } = manifest.preprocess;
  try {
    await forEachCrop(manifest.preprocess, images, files, (file, data) =>
      sharp(data, { raw: { width: crop, height: crop, channels: 3 } }).toFile(join(folder, `${parse(file).name}.png`)),
    );
    return await bareRuntime(modelPath, manifest.preprocess, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function bareRuntime(modelFile, preprocess, crops) {
  const script = join(root, 'bench/bare-reference.mjs');
  const numbers = ['--mean', preprocess.mean.join(), '--std', preprocess.std.join()];
  const args = [script, '--model', modelFile, '--crops', crops, ...numbers];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout);
}

/** Whether a model computes in int8. @param {{ modelPath: string }} model */
async function isQuantised({ modelPath }) {
  const { readGraph } = await importBuilt('packages/models/dist/index.js');
  const { producers } = readGraph(await readFile(modelPath));
  return [...producers.values()].some(({ opType }) => /^(QLinear|Quantize|ConvInteger|MatMulInteger)/.test(opType));
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
const percent = (share) => `${(share * 100).toFixed(1)} %`;

/** Agreement of first labels, and the difference in the score of the expected first label. */
function compare(answers, expected) {
  const differences = expected.map(([first], index) => {
    const score = answers[index].find((prediction) => prediction.index === first.index)?.score ?? 0;
    return Math.abs(score - first.score);
  });
  return {
    agreement: mean(expected.map(([first], index) => Number(answers[index][0].index === first.index))),
    mean_score_difference: mean(differences),
    largest_score_difference: Math.max(...differences),
  };
}

/** How far the logits of the reference's five lie from those of the same classes among `answers`, mean; NaN where unknown. */
function logitDifference(answers, expected) {
  return mean(
    expected.flatMap((top5, index) =>
      top5.flatMap(({ index: label, logit }) => {
        const own = answers[index].find((each) => each.index === label)?.logit;
        return own === undefined || logit === undefined ? [] : [Math.abs(own - logit)];
      }),
    ),
  );
}

/** The share of images whose true class comes first, and among the five. */
function accuracy(answers, truth) {
  return {
    top1: mean(truth.map((index, image) => Number(answers[image][0].index === index))),
    top5: mean(truth.map((index, image) => Number(answers[image].some((label) => label.index === index)))),
  };
}

function print(result) {
  const line = (name, text) => process.stdout.write(`${name.padEnd(34)}${text}\n`);
  const agreement = ({ agreement: share, mean_score_difference: difference, largest_score_difference: largest }) =>
    `first label ${percent(share)}, score difference mean ${difference.toFixed(4)}, largest ${largest.toFixed(4)}`;
  const right = ({ top1, top5 }) => `first ${percent(top1)}, in five ${percent(top5)}`;
  line('model', `${result.model}, ${result.images} images through ${result.url}`);
  line('agreement with the reference file', agreement(result.reference_file));
  if (result.bare_runtime !== undefined) {
    line('bare ONNX Runtime with that file', agreement(result.bare_runtime_with_file));
    line('agreement with bare ONNX Runtime', agreement(result.bare_runtime));
    if (result.logit_difference > 0) line('logits, bare from file', `mean ${result.logit_difference.toFixed(4)}`);
  }
  if (result.preprocessing !== undefined) {
    const { mean: difference, largest } = result.preprocessing;
    line('preprocessing, of 255', `mean ${difference.toFixed(3)}, largest ${largest.toFixed(3)}`);
  }
  line('true class', right(result.accuracy));
  line('true class, reference file', right(result.accuracy_of_file));
  line('judged by', `${result.judge} (at least ${percent(result.least)}, under ${limits.scoreDifference})`);
  line('', result.passed ? 'passed' : 'failed');
}

async function main() {
  const { values } = parseArgs({
    options: {
      images: { type: 'string' },
      reference: { type: 'string' },
      model: { type: 'string' },
      url: { type: 'string' },
      mirror: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  if (values.images === undefined || values.reference === undefined) {
    fail('usage: npm run accuracy -- --images DIR --reference FILE [--model NAME] [--url URL] [--mirror DIR] [--json]');
  }
  const images = resolve(values.images);
  const referenceFile = resolve(values.reference);
  const reference = JSON.parse(await readFile(referenceFile, 'utf8'));
  const files = (await readdir(images)).filter((file) => Object.hasOwn(reference.images, file)).sort();
  if (files.length === 0) fail(`no image of ${images} is in ${referenceFile}`);
  const beside = join(dirname(dirname(referenceFile)), 'models');
  const mirror = values.mirror ?? (existsSync(beside) ? beside : undefined);
  if (!existsSync(join(root, 'services/worker/dist/main.js'))) {
    const { ensureDependencies } = await import('../scripts/lib/dependencies.mjs');
    const { build } = await import('../scripts/lib/build.mjs');
    await ensureDependencies(root);
    await build(root);
  }
  const { catalogue, loadModel } = await importBuilt('packages/models/dist/index.js');
  const model = values.model ?? catalogue.find(({ file }) => file === reference.model)?.name;
  if (model === undefined) {
    fail(`the catalogue has no model of the file ${reference.model}. Name the model to be judged: --model NAME.`);
  }

  const usualDir = resolve(root, process.env['DATA_DIR'] || '.quintet', 'models');
  const modelsDir = resolve(root, process.env['MODELS_DIR'] || usualDir);
  const environment = {
    MODEL: model,
    DATA_DIR: dataDir,
    MODELS_DIR: modelsDir,
    ...(mirror === undefined ? {} : { MODEL_BASE_URL: pathToFileURL(resolve(mirror)).href }),
  };
  const quintet =
    values.url === undefined ? await startQuintet(environment) : { url: values.url, stop: async () => {} };
  let answers;
  try {
    answers = await inParallel(files, (file) => classify(quintet.url, model, join(images, file)));
  } finally {
    await quintet.stop();
  }
  const expected = files.map((file) => reference.images[file].top5);
  const truth = files.map((file) => reference.images[file].class_index);
  const result = {
    model,
    images: files.length,
    url: quintet.url,
    reference_file: compare(answers, expected),
    accuracy: accuracy(answers, truth),
    accuracy_of_file: accuracy(expected, truth),
    judge: 'the reference file',
  };
  const folder = join(modelsDir, model);
  const local = existsSync(join(folder, 'manifest.json')) ? await loadModel(folder) : undefined;
  result.least = local !== undefined && !(await isQuantised(local)) ? limits.float : limits.quantised;
  if (local !== undefined) {
    const { preprocess } = local.manifest;
    const { interpolation, resize, crop } = preprocess;
    const crops = join(dirname(referenceFile), 'crops');
    const isReference = existsSync(crops) && `${interpolation} ${resize} ${crop}` === 'bilinear 256 224';
    if (isReference) result.preprocessing = await preprocessingDifferences(preprocess, images, files, crops);
    const bare = isReference
      ? await bareRuntime(local.modelPath, preprocess, crops)
      : await bareOnOwnCrops(local, images, files);
    const bareAnswers = files.map((file) => bare[parse(file).name]);
    result.bare_runtime_with_file = compare(bareAnswers, expected);
    result.bare_runtime = compare(answers, bareAnswers);
    result.logit_difference = logitDifference(bareAnswers, expected);
    const isOwnFile = catalogue.some(({ name, file }) => name === model && file === reference.model);
    if (isOwnFile && result.least < 1 && result.bare_runtime_with_file.agreement < result.least) {
      result.judge = 'bare ONNX Runtime on this CPU, whose int8 arithmetic is not that of the reference file';
    }
  }
  const judged = result.judge === 'the reference file' ? result.reference_file : result.bare_runtime;
  result.passed = judged.agreement >= result.least && judged.mean_score_difference < limits.scoreDifference;
  if (values.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else print(result);
  process.exitCode = result.passed ? 0 : 1;
}

main().catch((error) => {
  process.stderr.write(`accuracy: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
