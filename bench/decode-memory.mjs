/**
 * What bounding the memory of decodes under way saves: peak memory while 24 pictures of 36 megapixels with alpha are
 * preprocessed at once, with the default MAX_DECODE_BYTES as the budget and without any. Each in a process of its own, alternating.
 *
 *   node bench/decode-memory.mjs        prints a Markdown table; medians
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from './lib/statistics.mjs';

const pictures = 24;
const side = 6000;
const budgets = { 'MAX_DECODE_BYTES (400 MB)': 400_000_000, none: 1e12 };
const runs = 3;

async function measure(maxDecodeBytes) {
  const { default: sharp } = await import('sharp');
  const { createPreprocessPool } = await import('../services/worker/dist/preprocess/index.js');
  const background = { r: 10, g: 200, b: 30, alpha: 0.5 };
  const png = await sharp({ create: { width: side, height: side, channels: 4, background } })
    .png()
    .toBuffer();
  const options = {
    spec: { resize: 256, crop: 224, interpolation: 'bilinear' },
    maxPixels: 40_000_000,
    maxDecodeBytes,
    timeoutMs: 600_000,
  };
  const pool = createPreprocessPool(options, new SharedArrayBuffer(pictures * 224 * 224 * 3), 1);
  await pool.start();
  let peak = 0;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5);
  const started = performance.now();
  await Promise.all(Array.from({ length: pictures }, (_, slot) => pool.preprocess(Buffer.from(png), slot)));
  const seconds = (performance.now() - started) / 1000;
  clearInterval(timer);
  await pool.close();
  process.stdout.write(JSON.stringify({ megabytes: peak / 2 ** 20, seconds }));
}

const [only] = process.argv.slice(2);
if (only !== undefined) await measure(Number(only));
else {
  const results = Object.fromEntries(Object.keys(budgets).map((name) => [name, []]));
  for (let run = 0; run < runs; run += 1) {
    for (const [name, maxDecodeBytes] of Object.entries(budgets)) {
      const env = { ...process.env, UV_THREADPOOL_SIZE: '8' };
      const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), String(maxDecodeBytes)], { env });
      results[name].push(JSON.parse(String(output)));
    }
  }
  process.stdout.write('| decoded at once | peak memory, MB | time, s |\n| --- | --- | --- |\n');
  for (const [name, measured] of Object.entries(results)) {
    const [megabytes, seconds] = ['megabytes', 'seconds'].map((key) => median(measured.map((each) => each[key])));
    process.stdout.write(`| ${name} | ${megabytes.toFixed(0)} | ${seconds.toFixed(1)} |\n`);
  }
}
