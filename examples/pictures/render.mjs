/**
 * Draws the pictures again from their SVG sources: `node examples/pictures/render.mjs`, after `npm install`.
 *
 * Drawings hold no text, so that no font of the machine matters: the same version of sharp writes the same bytes everywhere.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';

/**
 * One of the pictures that `pictures.json` lists.
 * @typedef {{ file: string, label: string | null, wnid: string | null }} Picture
 */

/**
 * The list of the pictures, in the order in which the page shows them.
 * @returns {Promise<Picture[]>}
 */
export async function pictures() {
  return JSON.parse(await readFile(new URL('pictures.json', import.meta.url), 'utf8'));
}

/**
 * Renders one picture, in the size that its SVG names, as JPEG or PNG after the name's ending.
 * @param {string} file the picture's name, such as `umbrella.jpg`
 * @returns {Promise<Buffer>} the bytes of the picture's file
 */
export async function render(file) {
  const drawing = await readFile(new URL(`drawings/${file.replace(/\.\w+$/, '.svg')}`, import.meta.url));
  const image = sharp(drawing).flatten({ background: '#fff' });
  return file.endsWith('.png') ? image.png({ compressionLevel: 9 }).toBuffer() : image.jpeg({ quality: 88 }).toBuffer();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { file } of await pictures()) await writeFile(new URL(file, import.meta.url), await render(file));
}
