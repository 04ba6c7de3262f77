/**
 * What a visit of the page costs, and how soon it answers: Chromium on this machine, against Quintet with its default settings.
 *
 * A picture is dropped on a page that has just been opened, and the time is taken until its five bars have been painted: the
 * script's work, the upload, the queue, the model, the way back and the drawing. The same picture is posted without a page
 * beforehand, in turns with the drops: the difference is the page. Layout shift is that of the frames after the one in which the
 * picture's card appeared; what moves when something is dropped is meant to.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { chromiumArguments, findChromium } from '../scripts/lib/chromium.mjs';
import { root } from '../scripts/lib/project.mjs';
import { benchImages } from './lib/images.mjs';
import { dropPicture, watchLoad } from './lib/page.mjs';
import { startBenchQuintet } from './lib/quintet-process.mjs';
import { median, quantile } from './lib/statistics.mjs';

export const summary = 'milliseconds from drop to bars in a browser; what a visit loads; what moves';
export const options = {
  model: { type: /** @type {const} */ ('string'), default: 'mobilenetv2', hint: 'NAME' },
  pictures: { type: /** @type {const} */ ('string'), default: '20', hint: 'N to drop' },
  images: { type: /** @type {const} */ ('string'), hint: 'FOLDER of JPEGs of 70 to 140 KB' },
};

const promised = { barsMs: 1000, scriptBytes: 100_000, blocking: 3 };
const visits = 7;
/** The first ones open connections and compile; they are not counted. */
const warmUp = 3;
const mirror = resolve(root, '../shared/models');

/** @param {{ values: Record<string, any>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const found = await findChromium({ install: true });
  if ('missing' in found) throw new Error(found.missing);
  const { images, source } = await benchImages(values.images);
  const count = Number(values.pictures);
  const models = process.env['MODEL_BASE_URL'] ?? (existsSync(mirror) ? pathToFileURL(mirror).href : '');
  const quintet = await startBenchQuintet(values.model, models === '' ? {} : { MODEL_BASE_URL: models });
  const browser = await chromium.launch({ executablePath: found.binary, args: [...chromiumArguments] });
  const loads = [];
  const drops = [];
  try {
    for (let visit = 0; visit < visits; visit += 1) loads.push(await watchLoad(browser, quintet.url));
    for (let index = -warmUp; index < count; index += 1) {
      const image = images[(index + warmUp) % images.length];
      const postMs = await post(quintet, image);
      const drop = { ...(await dropPicture(browser, quintet.url, image)), postMs };
      if (index >= 0) drops.push(drop);
      if (index % 5 === 4) say(`${index + 1} of ${count}: ${drop.barsMs.toFixed(0)} ms`);
    }
  } finally {
    await browser.close();
    await quintet.stop();
  }
  const settings = { model: values.model, pictures: source, chromium: found.version };
  return { settings, ...tables(loads, drops), data: { loads, drops }, shortfalls: shortfalls(loads, drops) };
}

/** Milliseconds from a post to the answer with the result. @param {{ jobsUrl: string, headers: Record<string, string> }} quintet @param {Buffer} image */
async function post({ jobsUrl, headers }, image) {
  const began = performance.now();
  const body = new Uint8Array(image);
  const response = await fetch(jobsUrl, {
    method: 'POST',
    body,
    headers: { ...headers, 'content-type': 'image/jpeg' },
  });
  const { status } = await response.json();
  if (status !== 'succeeded') throw new Error(`a post ended with ${response.status}, ${status}`);
  return performance.now() - began;
}

/** @typedef {Awaited<ReturnType<typeof watchLoad>>} Load */
/** @typedef {Awaited<ReturnType<typeof dropPicture>> & { postMs: number }} Drop */

/** @param {readonly Load[]} loads @param {readonly Drop[]} drops */
function tables(loads, drops) {
  const row = (/** @type {string} */ title, /** @type {number[]} */ all) => [
    title,
    median(all),
    quantile(all, 0.95),
    Math.max(...all),
  ];
  const [load] = loads;
  return {
    tables: [
      {
        title: `Milliseconds, ${drops.length} pictures and ${loads.length} visits`,
        columns: ['', 'median', 'p95', 'most'],
        rows: [
          row(
            'from drop to bars',
            drops.map(({ barsMs }) => barsMs),
          ),
          row(
            'from drop to the card',
            drops.map(({ cardMs }) => cardMs),
          ),
          row(
            'the same by POST, without a page',
            drops.map(({ postMs }) => postMs),
          ),
          row(
            'first contentful paint',
            loads.map(({ paintMs }) => paintMs),
          ),
        ],
      },
      {
        title: 'A first visit',
        columns: ['', ''],
        rows: [
          ['requests that the first paint waits for', load.blocking],
          ['requests until the network is quiet', load.requests],
          ['bytes, compressed as they were sent', load.bytes],
          ['of which script', load.scriptBytes],
        ],
      },
      {
        title: 'Layout shift of a drop',
        columns: ['', 'most'],
        rows: [
          ['when the result arrives', Math.max(...drops.map(({ laterShift }) => laterShift))],
          ['altogether', Math.max(...drops.map(({ shift }) => shift))],
        ],
      },
    ],
  };
}

/** @param {readonly Load[]} loads @param {readonly Drop[]} drops */
function shortfalls(loads, drops) {
  const p95 = quantile(
    drops.map(({ barsMs }) => barsMs),
    0.95,
  );
  const moved = Math.max(...drops.map(({ laterShift }) => laterShift));
  const [{ scriptBytes, blocking }] = loads;
  return [
    ...(p95 > promised.barsMs ? [`p95 ${p95.toFixed(0)} ms from drop to bars, promised ${promised.barsMs}`] : []),
    ...(moved > 0 ? [`a layout shift of ${moved.toFixed(4)} when results arrive, promised none`] : []),
    ...(scriptBytes > promised.scriptBytes ? [`${scriptBytes} bytes of script, promised ${promised.scriptBytes}`] : []),
    ...(blocking > promised.blocking
      ? [`${blocking} requests before the first paint, promised ${promised.blocking}`]
      : []),
  ];
}
