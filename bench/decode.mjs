/**
 * Preprocessing by format and size: the pool that a worker uses against bare sharp (decode, libvips' linear reduction, raw)
 * with as many pictures under way, alternating; medians of the rounds. Beside them how far either is from Pillow's crop, of
 * 255, estimated from the pixels that the parity test's expectations keep; – where sharp cannot read the format or no
 * expectation exists.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { importBuilt, root } from '../scripts/lib/project.mjs';
import { describeMachine } from './lib/report.mjs';
import { median } from './lib/statistics.mjs';
import { importTypeScript } from './lib/typescript.mjs';

export const summary = 'preprocessing by format and size, against bare sharp, with the distance from Pillow';
export const options = {
  formats: {
    type: /** @type {const} */ ('string'),
    default: 'jpeg,png,webp,avif,gif,tiff,bmp,heic',
    hint: 'FORMAT,…',
  },
  rounds: { type: /** @type {const} */ ('string'), default: '3', hint: 'N' },
  seconds: { type: /** @type {const} */ ('string'), default: '0.7', hint: 'N for each measurement' },
};

const spec = { resize: 256, crop: 224, interpolation: 'bilinear' };
/** The usual way of storing each format, by the name of its parity case. */
const usual = new Map([
  ['jpeg', '4:2:0'],
  ['png', '8 bits'],
  ['webp', 'lossy'],
  ['avif', '4:2:0'],
  ['gif', 'palette'],
  ['tiff', 'LZW'],
  ['bmp', '24 bits'],
]);

/** @param {Buffer} bytes @returns {Promise<Uint8Array>} */
async function bareSharp(bytes) {
  const { width, height } = (await sharp(bytes).metadata()).autoOrient;
  const short = Math.min(width, height);
  const size = [width, height].map((side) => Math.trunc((spec.resize * side) / short));
  return sharp(bytes, { sequentialRead: true, ignoreIcc: true, autoOrient: true })
    .resize(size[0], size[1], { kernel: 'linear', fit: 'fill', fastShrinkOnLoad: false })
    .extract({ left: (size[0] - spec.crop) >> 1, top: (size[1] - spec.crop) >> 1, width: spec.crop, height: spec.crop })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer();
}

/** The pictures, each made when its turn comes. @param {any} fixtures @param {string[]} formats */
function pictures({ parityCases, makeImage, patchwork }, formats) {
  const cases = new Map(parityCases().map((/** @type {any} */ each) => [each.name, each]));
  let large;
  return formats.flatMap((format) => {
    if (format === 'heic') return [{ format, size: '64 × 48', name: 'heic enlarged from 64 px', cases }];
    const variant = `${format} ${usual.get(format)}`;
    const twelve = async () => {
      const pixels = (large ??= patchwork(8, 8, { width: 500, height: 375 }));
      const { width, height } = pixels;
      return makeImage({ format, chroma: '4:2:0', compression: 'lzw', quality: 80, width, height, pixels });
    };
    // As phones that are held upright take them.
    const turned = async () =>
      sharp(await twelve())
        .withMetadata({ orientation: 6 })
        .jpeg({ quality: 80 })
        .toBuffer();
    const largest = cases.has(`${format} 12 MP`) ? { cases } : { make: twelve };
    return [
      { format, size: '500', name: `${variant}, 500 px`, cases },
      { format, size: '1280 × 960', name: `${variant}, 1280 px`, cases },
      { format, size: '4000 × 3000', name: `${format} 12 MP`, ...largest },
      ...(format === 'jpeg' ? [{ format, size: '4000 × 3000, turned', name: 'turned', cases, make: turned }] : []),
    ];
  });
}

/** Runs `work` with `parallel` under way. @param {(lane: number) => Promise<unknown>} work @returns {Promise<number>} per second */
async function rate(work, parallel, seconds) {
  let done = 0;
  const began = performance.now();
  const until = began + seconds * 1000;
  const lane = async (/** @type {number} */ id) => {
    do {
      await work(id);
      done += 1;
    } while (performance.now() < until);
  };
  await Promise.all(Array.from({ length: parallel }, (_, id) => lane(id)));
  return (done * 1000) / (performance.now() - began);
}

/** @param {{ values: Record<string, string>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
  const { createPreprocessPool } = await importBuilt('services/worker/dist/preprocess/index.js');
  const fixtures = await importTypeScript('test/fixtures/images/index.ts');
  const expectations = JSON.parse(readFileSync(join(root, 'test/fixtures/parity/expectations.json'), 'utf8'));
  const expected = new Map(expectations.cases.map((/** @type {any} */ each) => [each.name, each]));
  const { cores } = await describeMachine();
  const parallel = 2 * cores;
  const threads = Math.ceil(cores / 2);
  sharp.cache(false);
  sharp.concurrency(1);
  const bytesOfCrop = spec.crop ** 2 * 3;
  const slots = new SharedArrayBuffer(parallel * bytesOfCrop);
  const pool = createPreprocessPool({ spec, maxPixels: 40_000_000, timeoutMs: 60_000 }, slots, threads);
  await pool.start();

  /** From Pillow's crop, which ours equals where no sample of it is kept. @param {string} name @param {Uint8Array} ours */
  const difference = (name, ours, crop = ours) => {
    const pillow = expected.get(name)?.bilinear;
    if (pillow === undefined) return Number.NaN;
    const offset = fixtures.sampleOffset(pillow.crop);
    const sample = pillow.sample ? Buffer.from(pillow.sample, 'base64') : fixtures.samplePixels(ours, offset);
    return fixtures.meanDifference(fixtures.samplePixels(crop, offset), sample);
  };

  const rows = [];
  for (const { format, size, name, cases, make } of pictures(fixtures, values.formats.split(','))) {
    const bytes = await (make?.() ?? cases.get(name).make());
    await pool.preprocess(Buffer.from(bytes), 0);
    const ours = new Uint8Array(slots).slice(0, bytesOfCrop);
    const bare = await bareSharp(bytes).catch(() => undefined);
    const rates = { ours: /** @type {number[]} */ ([]), bare: /** @type {number[]} */ ([]) };
    for (let round = 0; round < rounds; round += 1) {
      rates.ours.push(await rate((slot) => pool.preprocess(Buffer.from(bytes), slot), parallel, seconds));
      if (bare) rates.bare.push(await rate(() => bareSharp(bytes), parallel, seconds));
    }
    const [own, other] = [median(rates.ours), bare ? median(rates.bare) : Number.NaN];
    const away = [difference(name, ours), bare ? difference(name, ours, bare) : Number.NaN];
    rows.push([format, size, Math.round(bytes.length / 1000), own, other, own / other, ...away]);
    say(`${format}, ${size}: ${own.toFixed(1)} a second`);
  }
  await pool.close();
  const columns = ['format', 'size', 'KB', 'worker, images/s', 'bare sharp, images/s', 'ratio'];
  const parity = ['worker – Pillow', 'bare sharp – Pillow'];
  return {
    settings: { rounds, seconds, parallel, threads },
    tables: [{ title: 'Preprocessing', columns: [...columns, ...parity], rows }],
  };
}
