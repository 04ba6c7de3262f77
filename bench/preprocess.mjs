/**
 * What exact resampling costs: Pillow's method in JavaScript against libvips' linear reduction, on decoded pixels, and the
 * mean absolute difference between the two, of 255.
 *
 *   node bench/preprocess.mjs        prints a Markdown table; medians of alternating runs
 */
import sharp from 'sharp';
import { planCrop } from '../services/worker/dist/preprocess/geometry.js';
import { resampleWindow, sourceSpan } from '../services/worker/dist/preprocess/resample.js';

const spec = { resize: 256, crop: 224 };
const sizes = [
  [320, 260],
  [500, 375],
  [640, 480],
  [1280, 960],
  [1600, 1200],
  [4000, 3000],
];
const runs = 9;

sharp.cache(false);
sharp.concurrency(1);

/** A smooth picture with some noise, as photos are. */
function picture(width, height) {
  const data = new Uint8Array(width * height * 3);
  for (let index = 0; index < data.length; index += 1) {
    const pixel = Math.trunc(index / 3);
    const wave = Math.sin((pixel % width) / 40) + Math.cos(pixel / width / 30 + (index % 3));
    data[index] = Math.round(128 + 50 * wave + ((index * 2654435761) % 23));
  }
  return data;
}

const median = (values) => values.sort((a, b) => a - b)[Math.trunc(values.length / 2)];

async function timed(work) {
  const started = performance.now();
  const result = await work();
  return { result, milliseconds: performance.now() - started };
}

process.stdout.write('| source | exact, ms | libvips, ms | exact, ms per megapixel | difference, of 255 |\n');
process.stdout.write('| --- | --- | --- | --- | --- |\n');
for (const [width, height] of sizes) {
  const plan = planCrop(width, height, spec);
  const across = { source: width, target: plan.width, start: plan.left, length: plan.crop };
  const down = { source: height, target: plan.height, start: plan.top, length: plan.crop };
  const [columns, rows] = [sourceSpan(across), sourceSpan(down)];
  const window = {
    left: columns.first,
    top: rows.first,
    width: columns.end - columns.first,
    height: rows.end - rows.first,
  };
  const raw = { raw: { width, height, channels: 3 } };
  const data = picture(width, height);
  const part = await sharp(data, raw).extract(window).raw().toBuffer();
  const exact = () => resampleWindow({ data: part, ...window }, across, down);
  const libvips = () =>
    sharp(data, raw)
      .resize(plan.width, plan.height, { kernel: 'linear', fit: 'fill' })
      .extract({ left: plan.left, top: plan.top, width: plan.crop, height: plan.crop })
      .raw()
      .toBuffer();
  const times = { exact: [], libvips: [] };
  let difference = 0;
  for (let run = 0; run <= runs; run += 1) {
    const a = await timed(exact);
    const b = await timed(libvips);
    if (run === 0) continue; // the first run compiles
    times.exact.push(a.milliseconds);
    times.libvips.push(b.milliseconds);
    difference = a.result.reduce((sum, value, index) => sum + Math.abs(value - b.result[index]), 0) / a.result.length;
  }
  const megapixels = (window.width * window.height) / 1e6;
  const cells = [median(times.exact), median(times.libvips), median(times.exact) / megapixels, difference];
  process.stdout.write(`| ${width} × ${height} | ${cells.map((cell) => cell.toFixed(2)).join(' | ')} |\n`);
}
