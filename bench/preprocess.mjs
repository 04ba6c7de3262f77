/**
 * Why pictures are decoded whole and resampled as they are: on real JPEGs of several sizes, each way of coming from the file
 * to the crop, its time, and how far it is from Pillow's (of 255; resampling the whole picture exactly is Pillow's to the bit,
 * which the parity test proves, so that is what the others are compared with).
 *
 *   node bench/preprocess.mjs [--runs N]        prints a Markdown table; medians of alternating runs; needs ../shared
 *
 * - exact: as the worker does it; how much of that is resampling, and what it takes in JavaScript (lib/plain-resample.mjs).
 * - linear: libvips' reduction with the kernel nearest to Pillow's, once the worker's way for large pictures.
 * - /2, /4, /8: the JPEG decoder delivers the picture at that fraction (shrink-on-load), and the rest, still a factor of 2
 *   or more, is resampled exactly.
 */
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { importBuilt } from '../scripts/lib/project.mjs';
import { plainResample } from './lib/plain-resample.mjs';
import { median } from './lib/statistics.mjs';
import { importTypeScript } from './lib/typescript.mjs';

const { planCrop } = await importBuilt('services/worker/dist/preprocess/geometry.js');
const { resampleWindow, sourceSpan } = await importBuilt('services/worker/dist/preprocess/resample.js');
const { havePhotos, makeImage, meanDifference, mosaic, photo, withNoise } = await importTypeScript(
  'test/fixtures/images/index.ts',
);
if (!havePhotos) throw new Error('../shared/images does not exist');

const { values } = parseArgs({ options: { runs: { type: 'string', default: '7' } } });
const runs = Number(values.runs);
const spec = { resize: 256, crop: 224 };
const options = { ignoreIcc: true, failOn: /** @type {const} */ ('error'), sequentialRead: true };
const raw = { depth: /** @type {const} */ ('uchar') };
sharp.cache(false);
sharp.concurrency(1);

/** Size after the JPEG decoder's own scaling. @param {number} size @param {number} by */
const scaled = (size, by) => Math.ceil(size / by);

/** @param {{ bytes: Buffer, width: number, height: number }} picture @param {number} by */
async function exact({ bytes, width, height }, by) {
  const plan = planCrop(width, height, spec);
  const across = { source: scaled(width, by), target: plan.width, start: plan.left, length: plan.crop };
  const down = { source: scaled(height, by), target: plan.height, start: plan.top, length: plan.crop };
  const [columns, rows] = [sourceSpan(across), sourceSpan(down)];
  const window = {
    left: columns.first,
    top: rows.first,
    width: columns.end - columns.first,
    height: rows.end - rows.first,
  };
  const image = sharp(bytes, options);
  // sharp hands a JPEG's scaling to the decoder where the size that is asked for is that fraction.
  if (by > 1) image.resize(scaled(width, by), scaled(height, by), { kernel: 'nearest', fit: 'fill' });
  const data = await image.extract(window).removeAlpha().toColourspace('srgb').raw(raw).toBuffer();
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

process.stdout.write('| picture | way | ms | against exact | difference | of it resampling | in JavaScript |\n');
process.stdout.write('| --- | --- | ---: | ---: | ---: | ---: | ---: |\n');
for (const picture of pictures) {
  const factor = Math.min(picture.width, picture.height) / spec.resize;
  const ways = new Map([
    ['exact', () => exact(picture, 1)],
    ['linear', () => linear(picture, false)],
    ...[2, 4, 8]
      .filter((by) => factor / by >= 2)
      .map((by) => /** @type {const} */ ([`/${by}, exact`, () => exact(picture, by)])),
    ...(factor >= 4 ? [/** @type {const} */ (['shrink-on-load, linear', () => linear(picture, true)])] : []),
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
    const alone = way === 'exact' ? resampling.map((each) => each.toFixed(2)).join(' | ') : ' | ';
    process.stdout.write(`| ${[...cells, difference, alone].join(' | ')} |\n`);
  }
}

/** Milliseconds of the kernel, and of the same in JavaScript. @param {{ bytes: Buffer, width: number, height: number }} picture */
async function resamplingAlone({ bytes, width, height }) {
  const plan = planCrop(width, height, spec);
  const across = { source: width, target: plan.width, start: plan.left, length: plan.crop };
  const down = { source: height, target: plan.height, start: plan.top, length: plan.crop };
  const data = await sharp(bytes, options).removeAlpha().toColourspace('srgb').raw(raw).toBuffer();
  const ways = [
    () => resampleWindow({ data, left: 0, top: 0, width, height }, across, down),
    () => plainResample(data, across, down),
  ];
  if (meanDifference(ways[0](), ways[1]()) !== 0) throw new Error('the kernel and its plain version differ');
  const times = ways.map(() => /** @type {number[]} */ ([]));
  for (let run = 0; run < runs; run += 1) {
    for (const [index, way] of ways.entries()) {
      const began = performance.now();
      way();
      times[index].push(performance.now() - began);
    }
  }
  return times.map(median);
}
