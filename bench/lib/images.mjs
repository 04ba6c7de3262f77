/** The pictures of the benchmarks: JPEGs of about 100 KB, as a client would post. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { root } from '../../scripts/lib/project.mjs';

const shared = resolve(root, '../shared/images');
const least = 70_000;
const most = 140_000;

/**
 * JPEGs of 70 to 140 KB of `folder` (by default the shared photos), or as many made ones where there is no such folder.
 * @param {string | undefined} folder
 * @returns {Promise<{ source: string, images: Buffer[] }>}
 */
export async function benchImages(folder) {
  const from = folder ?? shared;
  if (!existsSync(from)) {
    if (folder !== undefined) throw new Error(`${folder} does not exist`);
    return { source: 'made pictures of 500 × 375', images: await madePictures(24) };
  }
  const files = readdirSync(from)
    .filter((file) => /\.jpe?g$/i.test(file))
    .map((file) => join(from, file))
    .filter((file) => statSync(file).size >= least && statSync(file).size <= most)
    .sort();
  if (files.length === 0) throw new Error(`${from} has no JPEG of ${least} to ${most} bytes`);
  const images = files.map((file) => readFileSync(file));
  const size = images.reduce((sum, { length }) => sum + length, 0) / images.length;
  return { source: `${images.length} JPEG photos, ${Math.round(size / 1000)} KB on average`, images };
}

/** @param {number} count */
async function madePictures(count) {
  const { default: sharp } = await import('sharp');
  return Promise.all(
    Array.from({ length: count }, (_, index) => {
      const noise = /** @type {const} */ ({ type: 'gaussian', mean: 100 + index, sigma: 45 });
      const picture = { width: 500, height: 375, channels: /** @type {const} */ (3), background: '#888', noise };
      return sharp({ create: picture }).jpeg({ quality: 84 }).toBuffer();
    }),
  );
}
