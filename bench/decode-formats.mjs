/**
 * What decoding one picture takes, by format: the peak of a process' memory over what it had before, for each pixel, beside
 * what the header check expects (packages/images/src/decode-memory.ts). Each in a process of its own. Linux only.
 *
 *   node bench/decode-formats.mjs [NAME]        prints a Markdown table; only what has NAME in its name
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { importBuilt } from '../scripts/lib/project.mjs';
import { importTypeScript } from './lib/typescript.mjs';

/** MAX_DECODE_BYTES. */
const standard = 400_000_000;

const square = { width: 4500, height: 4500 };
/** Of as many pixels; the crop is small, and what the decoder keeps of the rows is nearly all of them. */
const long = { width: 40_000, height: 506 };
const phone = { width: 8064, height: 6048 };
const camera = { width: 9504, height: 6336 };
const encoders = {
  jpeg: (image) => image.jpeg(),
  'jpeg, progressive, 4:2:0': (image) => image.jpeg({ progressive: true }),
  'jpeg, progressive, 4:4:4': (image) => image.jpeg({ progressive: true, chromaSubsampling: '4:4:4' }),
  png: (image) => image.png(),
  'png, interlaced': (image) => image.png({ progressive: true }),
  'png, 16 bits, interlaced': (image) => image.toColourspace('rgb16').png({ progressive: true }),
  'png, 16 bits': (image) => image.toColourspace('rgb16').png(),
  webp: (image) => image.webp({ effort: 0 }),
  'webp, lossless': (image) => image.webp({ effort: 0, lossless: true }),
  gif: (image) => image.gif({ effort: 1 }),
  bmp: (image) => bmp(image, 'rgb24'),
  'bmp, run lengths': (image) => bmp(image, 'rle8'),
  tiff: (image) => image.tiff({ compression: 'deflate' }),
  'tiff, 16 bits': (image) => image.toColourspace('rgb16').tiff({ compression: 'deflate' }),
  'tiff, tiles of 2048': (image) =>
    image.tiff({ compression: 'deflate', tile: true, tileWidth: 2048, tileHeight: 2048 }),
  'avif, 4:2:0': (image) => image.avif({ effort: 0, chromaSubsampling: '4:2:0' }),
  'avif, 4:4:4': (image) => image.avif({ effort: 0 }),
  'avif, 4:2:0, 10 bits': (image) => image.avif({ effort: 0, bitdepth: 10, chromaSubsampling: '4:2:0' }),
  'avif, 4:4:4, 10 bits': (image) => image.avif({ effort: 0, bitdepth: 10 }),
};

/** @param {import('sharp').Sharp} image @param {'rgb24' | 'rle8'} variant */
function bmp(image, variant) {
  const toBuffer = async () => {
    const { encodeBmp } = await importTypeScript('test/fixtures/images/bmp.ts');
    const { data, info } = await image.removeAlpha().raw().toBuffer({ resolveWithObject: true });
    return encodeBmp({ ...info, data }, variant);
  };
  return { toBuffer };
}

/** A grid of phones: tiles of 512, 16 × 12 of them. */
const heicGrid = async () => {
  const { encodeHeic } = await importTypeScript('test/fixtures/images/heic-photo.ts');
  const { testCard } = await importTypeScript('test/fixtures/images/index.ts');
  const { heifGrid } = await importTypeScript('test/support/hostile/heif-grid.ts');
  return heifGrid(encodeHeic(testCard(512, 512)), { rows: 12, columns: 16 });
};

/** By EXIF: the last row comes first. */
const turned = { orientation: 3 };
const cases = [
  ...Object.entries(encoders).map(([name, encode]) => ({ name, encode, size: square })),
  ...['jpeg', 'png', 'png, interlaced', 'png, 16 bits', 'png, 16 bits, interlaced', 'gif', 'tiff', 'tiff, 16 bits'].map(
    (name) => ({ name: `${name}, ${long.width} × ${long.height}`, encode: encoders[name], size: long }),
  ),
  ...['jpeg', 'jpeg, progressive, 4:2:0', 'png', 'png, 16 bits', 'webp', 'tiff', 'tiff, 16 bits'].map((name) => ({
    name: `${name}, turned`,
    encode: (image) => encoders[name](image).withMetadata(turned),
    size: square,
  })),
  { name: 'heic, a grid', make: heicGrid, size: { width: 8192, height: 6144 } },
  ...['jpeg', 'jpeg, progressive, 4:2:0', 'jpeg, progressive, 4:4:4'].flatMap((name) =>
    [phone, camera].flatMap((size) => [
      { name: `${name}, ${size.width} × ${size.height}`, encode: encoders[name], size },
      {
        name: `${name}, ${size.width} × ${size.height}, turned by 90°`,
        encode: (image) => encoders[name](image).withMetadata({ orientation: 6 }),
        size,
      },
    ]),
  ),
];

/** @param {'VmHWM' | 'VmRSS'} name */
const bytesOf = (name) => {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) * 1024;
};

/** @param {string} file @param {number} maxDecodeBytes */
async function measure(file, maxDecodeBytes) {
  const { createPreprocessPool } = await import('../services/worker/dist/preprocess/index.js');
  const bytes = readFileSync(file);
  const options = {
    // The largest crop that a model can have.
    spec: { resize: 256, crop: 256, interpolation: 'bilinear' },
    maxPixels: 1e9,
    maxDecodeBytes,
    timeoutMs: 600_000,
  };
  const pool = createPreprocessPool(options, new SharedArrayBuffer(256 * 256 * 3), 1);
  await pool.start();
  writeFileSync('/proc/self/clear_refs', '5');
  const before = bytesOf('VmRSS');
  const began = performance.now();
  await pool.preprocess(bytes, 0);
  process.stdout.write(JSON.stringify([bytesOf('VmHWM') - before, performance.now() - began]));
  await pool.close();
}

const [, , command = '', ...given] = process.argv;
if (command === 'measure') await measure(given[0], Number(given[1]));
else {
  const { inspectImage } = await importBuilt('packages/images/dist/index.js');
  const folder = mkdtempSync(join(tmpdir(), 'quintet-decode-'));
  const file = join(folder, 'picture');
  const columns = ['picture', 'measured, bytes a pixel', 'expected', 'measured, MB', 'parts', 'seconds'];
  process.stdout.write(`| ${columns.join(' | ')} |\n|${' --- |'.repeat(columns.length)}\n`);
  for (const { name, encode, size, make } of cases.filter((each) => each.name.includes(command))) {
    const image = make === undefined && sharp({ create: { ...size, channels: 3, background: '#336699' } });
    const bytes = await (make?.() ?? encode(image).toBuffer());
    writeFileSync(file, bytes);
    // As by default where that fits, in parts if need be.
    const limit = infoWithin(inspectImage, bytes, standard) === undefined ? 1e12 : standard;
    const { decodeBytes, parts = 1 } = inspectImage(bytes, { maxPixels: 1e9, maxDecodeBytes: limit });
    const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), 'measure', file, String(limit)]);
    const [measured, milliseconds] = JSON.parse(String(output));
    const each = [measured, decodeBytes].map((total) => (total / (size.width * size.height)).toFixed(1));
    const cells = [name, ...each, (measured / 1e6).toFixed(0), parts, (milliseconds / 1000).toFixed(1)];
    process.stdout.write(`| ${cells.join(' | ')} |\n`);
  }
  rmSync(folder, { recursive: true });
}

/** What the check says within the default limit, or undefined where it refuses. */
function infoWithin(inspectImage, bytes, maxDecodeBytes) {
  try {
    return inspectImage(bytes, { maxPixels: 1e9, maxDecodeBytes });
  } catch {
    return undefined;
  }
}
