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
 * The pictures go to a temporary folder; kept of each are hashes and 196 pixels of Pillow's crop, every 16th in both
 * directions from an offset that differs from picture to picture, so that their mean difference is an unbiased estimate of
 * the whole crop's. With --only nothing is written: cases whose name contains TEXT are compared and printed.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { importBuilt, root } from '../scripts/lib/project.mjs';
import { importTypeScript } from './lib/typescript.mjs';

const expectationsFile = join(root, 'test/fixtures/parity/expectations.json');
const script = resolve(root, '../shared/tools/reference_preprocess.py');

/** Where reference.py leaves the crop of a file. */
const cropOf = (/** @type {string} */ file) => file.replace(/\.\w+$/, '.rgb');
const rounded = (/** @type {number} */ value) => Number(value.toFixed(4));
const sha256 = (/** @type {Uint8Array} */ bytes) => createHash('sha256').update(bytes).digest('hex');

/** @param {readonly string[]} files */
async function askPillow(files) {
  const args = [join(root, 'bench/lib/reference.py'), script, ...files];
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
const { parityCases, meanDifference, samplePixels, sampleOffset } = await importTypeScript(
  'test/fixtures/images/index.ts',
);
const { configureSharp, createPreprocessor } = await importBuilt('services/worker/dist/preprocess/index.js');
const { default: sharp } = await import('sharp');
configureSharp();
const preprocessor = createPreprocessor({ spec: { resize: 256, crop: 224 }, maxPixels: 40_000_000, timeoutMs: 60_000 });

const cases = parityCases().filter(({ name }) => name.includes(values.only));
const folder = await mkdtemp(join(tmpdir(), 'quintet-parity-'));
try {
  const inputs = [];
  for (const [index, { name, format, make, deliberate }] of cases.entries()) {
    const bytes = await make();
    const file = join(folder, `${index}.${format}`);
    await writeFile(file, bytes);
    inputs.push({ name, bytes, file });
    if (deliberate === undefined) continue;
    inputs[index].judge = join(folder, `${index}-judge.png`);
    await writeFile(inputs[index].judge, await deliberate.judge());
  }
  const files = inputs.flatMap(({ file, judge }) => (judge === undefined ? [file] : [file, judge]));
  const { versions, answers } = await askPillow(files);
  const expected = [];
  for (const { name, bytes, file, judge } of inputs) {
    const { mode, crop: own } = answers[basename(file)];
    const crop = judge === undefined ? own : answers[basename(judge)].crop;
    const pixels = await readFile(cropOf(judge ?? file));
    const ours = await preprocessor.preprocess(bytes);
    const difference = rounded(meanDifference(ours.data, pixels));
    const exact = sha256(ours.data) === crop;
    const sample = Buffer.from(samplePixels(pixels, sampleOffset(crop))).toString('base64');
    const pillowItself = judge && rounded(meanDifference(ours.data, await readFile(cropOf(file))));
    expected.push({ name, mode, input: sha256(bytes), crop, exact, difference, pillowItself, sample });
    const itself = pillowItself === undefined ? '' : ` (${pillowItself} from what Pillow itself makes)`;
    process.stdout.write(`${name}: ${mode}, ${exact ? 'exact' : difference}${itself}\n`);
  }
  const made = {
    ...versions,
    sharp: sharp.versions.sharp,
    vips: sharp.versions.vips,
    platform: `${process.platform}-${process.arch}`,
  };
  if (values.only === '') await writeFile(expectationsFile, `${JSON.stringify({ made, cases: expected }, null, 2)}\n`);
} finally {
  await preprocessor.close();
  await rm(folder, { recursive: true, force: true });
}
