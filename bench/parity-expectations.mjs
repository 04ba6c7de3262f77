/**
 * Writes test/fixtures/parity/expectations.json anew: what Pillow makes of every picture of the parity test, so that the test
 * needs no Python.
 *
 *   node bench/parity-expectations.mjs [--python FILE] [--only TEXT]
 *
 * Needs a Python with Pillow (AVIF included, 11.3 or later) and pillow-heif:
 *
 *   python3 -m venv venv && venv/bin/pip install Pillow pillow-heif
 *
 * The pictures go to a temporary folder. Kept are hashes of each and of Pillow's crops, and of a crop that ours does not equal
 * 196 pixels, every 16th in both directions from an offset that differs from picture to picture, so that their mean
 * difference is an unbiased estimate of the whole crop's. Photos of ../shared are among them where they are there; else what
 * the file says of them is kept. With --only nothing is written: cases whose name contains TEXT are compared and printed.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { importBuilt, root } from '../scripts/lib/project.mjs';
import { importTypeScript } from './lib/typescript.mjs';

const expectationsFile = join(root, 'test/fixtures/parity/expectations.json');
const filters = /** @type {const} */ (['bilinear', 'bicubic']);

/** Where reference.py leaves the crop of a file. @param {string} file @param {string} filter */
const cropOf = (file, filter) => readFile(file.replace(/\.\w+$/, `.${filter}`));
const rounded = (/** @type {number} */ value) => Number(value.toFixed(4));
const sha256 = (/** @type {Uint8Array} */ bytes) => createHash('sha256').update(bytes).digest('hex');

/** @param {readonly string[]} files */
async function askPillow(files) {
  const args = [join(root, 'bench/lib/reference.py'), ...files];
  const { stdout } = await promisify(execFile)(values.python, args, { maxBuffer: 1 << 24 });
  const [versions, ...lines] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { versions, answers: Object.fromEntries(lines.map(({ file, ...answer }) => [file, answer])) };
}

const { values } = parseArgs({
  options: { python: { type: 'string', default: 'python3' }, only: { type: 'string', default: '' } },
});
const { parityCases, photoCases, meanDifference, samplePixels, sampleOffset } = await importTypeScript(
  'test/fixtures/images/index.ts',
);
const { configureSharp, createPreprocessor } = await importBuilt('services/worker/dist/preprocess/index.js');
const { default: sharp } = await import('sharp');
configureSharp();
const preprocessors = filters.map((interpolation) => {
  const spec = { resize: 256, crop: 224, interpolation };
  return createPreprocessor({ spec, maxPixels: 40_000_000, timeoutMs: 60_000 });
});

const folder = await mkdtemp(join(tmpdir(), 'quintet-parity-'));

/** @param {any[]} all */
async function judge(all) {
  const inputs = [];
  for (const [index, { name, format, make, deliberate }] of all.entries()) {
    const bytes = await make();
    const file = join(folder, `${index}.${format}`);
    await writeFile(file, bytes);
    inputs.push({ name, bytes, file, judge: file });
    if (deliberate === undefined) continue;
    inputs[index].judge = join(folder, `${index}-judge.png`);
    await writeFile(inputs[index].judge, await deliberate.judge());
  }
  const files = new Set(inputs.flatMap(({ file, judge: other }) => [file, other]));
  const { versions, answers } = await askPillow([...files]);
  const cases = [];
  for (const { name, bytes, file, judge: judged } of inputs) {
    const crops = /** @type {Record<string, object>} */ ({});
    for (const [index, filter] of filters.entries()) {
      const crop = answers[basename(judged)].crops[filter];
      const pixels = await cropOf(judged, filter);
      const { data } = await preprocessors[index].preprocess(Buffer.from(bytes));
      crops[filter] = { crop };
      if (sha256(data) !== crop) {
        const difference = rounded(meanDifference(data, pixels));
        const sample = Buffer.from(samplePixels(pixels, sampleOffset(crop))).toString('base64');
        crops[filter] = { crop, difference, sample };
        process.stdout.write(`${name}, ${filter}: ${difference}\n`);
      }
      if (file === judged) continue;
      const itself = rounded(meanDifference(data, await cropOf(file, filter)));
      process.stdout.write(`${name}, ${filter}: ${itself} from what Pillow itself makes\n`);
    }
    cases.push({ name, mode: answers[basename(file)].mode, input: sha256(bytes), ...crops });
  }
  return { versions, cases };
}

try {
  const wanted = (/** @type {{ name: string }} */ { name }) => name.includes(values.only);
  const { versions, cases } = await judge(parityCases().filter(wanted));
  const photos = await judge(photoCases().filter(wanted));
  const made = {
    ...versions,
    sharp: sharp.versions.sharp,
    vips: sharp.versions.vips,
    platform: `${process.platform}-${process.arch}`,
  };
  if (values.only === '') {
    const known = JSON.parse(await readFile(expectationsFile, 'utf8')).photos;
    const expected = { made, cases, photos: photos.cases.length === 0 ? known : photos.cases };
    const lines = JSON.stringify(expected, null, 2);
    await writeFile(expectationsFile, `${lines}\n`);
  }
} finally {
  await Promise.all(preprocessors.map((each) => each.close()));
  await rm(folder, { recursive: true, force: true });
}
