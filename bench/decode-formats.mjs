/**
 * What decoding one picture takes, by format: the peak of a process' memory over what it had before, for each pixel, beside
 * what the header check expects (packages/images/src/decode-memory.ts). Each in a process of its own. Linux only.
 *
 *   node bench/decode-formats.mjs        prints a Markdown table
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { importBuilt } from '../scripts/lib/project.mjs';
import { importTypeScript } from './lib/typescript.mjs';

const square = { width: 4500, height: 4500 };
/** Of as many pixels; the crop is small, and what the decoder keeps of the rows is nearly all of them. */
const long = { width: 40_000, height: 506 };
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
];

/** @param {'VmHWM' | 'VmRSS'} name */
const bytesOf = (name) => {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) * 1024;
};

async function measure() {
  const { createPreprocessPool } = await import('../services/worker/dist/preprocess/index.js');
  const bytes = readFileSync(0);
  const options = {
    spec: { resize: 256, crop: 224, interpolation: 'bilinear' },
    maxPixels: 1e9,
    maxDecodeBytes: 1e12,
    timeoutMs: 600_000,
  };
  const pool = createPreprocessPool(options, new SharedArrayBuffer(224 * 224 * 3), 1);
  await pool.start();
  writeFileSync('/proc/self/clear_refs', '5');
  const before = bytesOf('VmRSS');
  await pool.preprocess(bytes, 0);
  process.stdout.write(String(bytesOf('VmHWM') - before));
  await pool.close();
}

if (process.argv[2] === 'measure') await measure();
else {
  const { inspectImage } = await importBuilt('packages/images/dist/index.js');
  process.stdout.write('| picture | measured, bytes a pixel | expected |\n| --- | --- | --- |\n');
  for (const { name, encode, size } of cases) {
    const image = sharp({ create: { ...size, channels: 3, background: '#336699' } });
    const bytes = await encode(image).toBuffer();
    const { decodeBytes } = inspectImage(bytes, { maxPixels: 1e9 });
    const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), 'measure'], { input: bytes });
    const each = [Number(String(output)), decodeBytes].map((total) => (total / (size.width * size.height)).toFixed(1));
    process.stdout.write(`| ${name} | ${each.join(' | ')} |\n`);
  }
}
