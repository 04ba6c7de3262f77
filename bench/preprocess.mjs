/**
 * Why pictures are decoded whole and resampled as they are: on real JPEGs of several sizes, each way of coming from the file
 * to the crop, its time, and how far it is from Pillow's (of 255; resampling the whole picture exactly is Pillow's to the bit,
 * which the parity test proves, so that is what the others are compared with).
 *
 *   node bench/preprocess.mjs [--runs N] [--python FILE]    prints Markdown; medians of alternating runs; needs ../shared
 *
 * - exact: as the worker does it; how much of that is resampling, what it takes in JavaScript (lib/plain-resample.mjs), and what
 *   it takes with the bicubic filter, whose support is twice as large.
 * - linear: libvips' reduction with the kernel nearest to Pillow's, once the worker's way for large pictures. With
 *   `fastShrinkOnLoad: false`: sharp still lets the JPEG decoder shrink, but leaves a factor of 2 or more to libvips.
 * - linear, fast: with sharp's default, which leaves less.
 *
 * With --python (Pillow), a second table: the JPEG decoder delivers 1/2, 1/4 or 1/8 and the rest, a factor of 2 or more, is
 * resampled exactly. sharp cannot be asked for that: where a scaled size is wanted, it decodes twice as large and reduces.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { importBuilt, root } from '../scripts/lib/project.mjs';
import { plainResample } from './lib/plain-resample.mjs';
import { median } from './lib/statistics.mjs';
import { importTypeScript } from './lib/typescript.mjs';

const { planCrop } = await importBuilt('services/worker/dist/preprocess/geometry.js');
const { resampleWindow, sourceSpan } = await importBuilt('services/worker/dist/preprocess/resample.js');
const { havePhotos, makeImage, meanDifference, mosaic, photo, withNoise } = await importTypeScript(
  'test/fixtures/images/index.ts',
);
if (!havePhotos) throw new Error('../shared/images does not exist');

const { values } = parseArgs({ options: { runs: { type: 'string', default: '7' }, python: { type: 'string' } } });
const runs = Number(values.runs);
const spec = { resize: 256, crop: 224 };
const options = { ignoreIcc: true, failOn: /** @type {const} */ ('error'), sequentialRead: true };
const raw = { depth: /** @type {const} */ ('uchar') };
sharp.cache(false);
sharp.concurrency(1);

/** @param {{ width: number, height: number }} picture */
function axesOf({ width, height }, interpolation = 'bilinear') {
  const plan = planCrop(width, height, spec);
  return {
    across: { interpolation, source: width, target: plan.width, start: plan.left, length: plan.crop },
    down: { interpolation, source: height, target: plan.height, start: plan.top, length: plan.crop },
  };
}

/** @param {{ bytes: Buffer, width: number, height: number }} picture */
async function exact(picture) {
  const { across, down } = axesOf(picture);
  const [columns, rows] = [sourceSpan(across), sourceSpan(down)];
  const window = {
    left: columns.first,
    top: rows.first,
    width: columns.end - columns.first,
    height: rows.end - rows.first,
  };
  const image = sharp(picture.bytes, options).extract(window);
  const data = await image.removeAlpha().toColourspace('srgb').raw(raw).toBuffer();
  return resampleWindow({ data, ...window }, across, down);
}

/** @param {{ bytes: Buffer, width: number, height: number }} picture @param {boolean} fastShrinkOnLoad */
function linear({ bytes, width, height }, fastShrinkOnLoad) {
  const { left, top, ...plan } = planCrop(width, height, spec);
  return sharp(bytes, options)
    .resize(plan.width, plan.height, { kernel: 'linear', fit: 'fill', fastShrinkOnLoad })
    .extract({ left, top, width: plan.crop, height: plan.crop })
    .removeAlpha()
    .toColourspace('srgb')
    .raw(raw)
    .toBuffer();
}

/** @param {string} name @param {any} pixels @param {'4:2:0' | '4:4:4'} chroma */
async function jpeg(name, pixels, chroma = '4:2:0') {
  const { width, height } = pixels;
  const bytes = await makeImage({ format: 'jpeg', quality: 90, chroma, width, height, pixels });
  return { name: `${name}, ${width} × ${height}`, width, height, bytes };
}

const tile = { width: 500, height: 375 };
const one = 'n02096585_Boston_bull';
const enlarged = async (/** @type {number} */ width, /** @type {number} */ height) =>
  jpeg('one photo', withNoise(await photo(one, { width, height })));
const pictures = [
  await jpeg('one photo', await photo('n02279972_monarch'), '4:4:4'),
  await enlarged(1280, 960),
  await enlarged(2000, 1500),
  await jpeg('16 photos', await mosaic(4, 4, tile)),
  await enlarged(2828, 2121),
  await enlarged(4000, 3000),
  await jpeg('64 photos', await mosaic(8, 8, tile)),
  await enlarged(5656, 4242),
];

process.stdout.write(
  '| picture | way | ms | against exact | difference | of it resampling | in JavaScript | bicubic |\n',
);
process.stdout.write('| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n');
for (const picture of pictures) {
  const ways = new Map([
    ['exact', () => exact(picture)],
    ['linear', () => linear(picture, false)],
    ['linear, fast', () => linear(picture, true)],
  ]);
  const times = new Map([...ways.keys()].map((way) => [way, /** @type {number[]} */ ([])]));
  const crops = new Map();
  for (let run = 0; run <= runs; run += 1) {
    for (const [way, work] of ways) {
      const began = performance.now();
      crops.set(way, await work());
      if (run > 0) times.get(way)?.push(performance.now() - began); // the first run compiles
    }
  }
  const resampling = await resamplingAlone(picture);
  for (const way of ways.keys()) {
    const [ms, base] = [median(times.get(way) ?? []), median(times.get('exact') ?? [])];
    const cells = [picture.name, way, ms.toFixed(1), (ms / base).toFixed(2)];
    const difference = meanDifference(crops.get(way), crops.get('exact')).toFixed(3);
    const alone = way === 'exact' ? resampling.map((each) => each.toFixed(2)).join(' | ') : ' |  | ';
    process.stdout.write(`| ${[...cells, difference, alone].join(' | ')} |\n`);
  }
}

if (values.python !== undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'quintet-scaled-'));
  const files = pictures.map(({ bytes }, index) => {
    const file = join(folder, `${index}.jpeg`);
    writeFileSync(file, bytes);
    return file;
  });
  const output = execFileSync(values.python, [join(root, 'bench/lib/scaled_decode.py'), ...files]).toString();
  rmSync(folder, { recursive: true });
  process.stdout.write('\n| picture | scaled by the decoder | time against whole | difference |\n');
  process.stdout.write('| --- | --- | ---: | ---: |\n');
  for (const line of output.trim().split('\n')) {
    const { file, by, whole, scaled, difference } = JSON.parse(line);
    const { name } = pictures[files.indexOf(file)];
    process.stdout.write(`| ${name} | 1/${by} | ${(scaled / whole).toFixed(2)} | ${difference.toFixed(3)} |\n`);
  }
}

/** Milliseconds of the kernel, of the same in JavaScript, and of the kernel for bicubic. @param {{ bytes: Buffer, width: number, height: number }} picture */
async function resamplingAlone({ bytes, width, height }) {
  const { across, down } = axesOf({ width, height });
  const bicubic = axesOf({ width, height }, 'bicubic');
  const data = await sharp(bytes, options).removeAlpha().toColourspace('srgb').raw(raw).toBuffer();
  const ways = [
    () => resampleWindow({ data, left: 0, top: 0, width, height }, across, down),
    () => plainResample(data, across, down),
    () => resampleWindow({ data, left: 0, top: 0, width, height }, bicubic.across, bicubic.down),
  ];
  if (meanDifference(ways[0](), ways[1]()) !== 0) throw new Error('the kernel and its plain version differ');
  const times = ways.map(() => /** @type {number[]} */ ([]));
  for (let run = -runs; run < runs; run += 1) {
    for (const [index, way] of ways.entries()) {
      const began = performance.now();
      way();
      if (run >= 0) times[index].push(performance.now() - began); // what came before compiled it
    }
  }
  return times.map(median);
}
