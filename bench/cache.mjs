/**
 * What a kept answer costs: from post to answer, for pictures that were classified before, beside those that were not.
 *
 * One process, one connection per client, each client waiting for its answer before it posts again. Every picture is classified
 * once before the hits are counted, and an answer that is not a hit is an error.
 */
import { benchImages } from './lib/images.mjs';
import { closedLoop } from './lib/load.mjs';
import { startBenchQuintet } from './lib/quintet-process.mjs';
import { median, quantile } from './lib/statistics.mjs';

export const summary = 'milliseconds from post to answer where the answer is kept already';
export const options = {
  model: { type: /** @type {const} */ ('string'), default: 'resnet50-demo', hint: 'NAME' },
  seconds: { type: /** @type {const} */ ('string'), default: '10', hint: 'N for each measurement' },
  images: { type: /** @type {const} */ ('string'), hint: 'FOLDER of JPEGs of 70 to 140 KB' },
};

const promisedMs = 10;
/** Clients at once: one tells what an answer takes; more, what it takes while others are given. */
const loads = [1, 4];

/** @param {{ body: Buffer, status: number }} answer */
const isHit = ({ status, body }) => status === 200 && JSON.parse(body.toString()).cache === 'hit';

/** @param {{ values: Record<string, any>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const { images, source } = await benchImages(values.images);
  const seconds = Number(values.seconds);
  const quintet = await startBenchQuintet(values.model, { RESULT_CACHE_TTL_SECONDS: '3600' });
  const load = { url: quintet.jobsUrl, headers: quintet.headers, images };
  say('classifying every picture once');
  const first = await closedLoop({ ...load, concurrency: 1, count: images.length });
  await closedLoop({ ...load, concurrency: 1, seconds: 2 });
  const rows = [['not kept, 1 client', median(first.latencies), quantile(first.latencies, 0.99), '–', first.errors]];
  const data = /** @type {Record<string, number[]>} */ ({});
  const shortfalls = [];
  for (const concurrency of loads) {
    const hits = await closedLoop({ ...load, concurrency, seconds, isGood: isHit });
    const p99 = quantile(hits.latencies, 0.99);
    say(`${concurrency} at once: p99 ${p99.toFixed(2)} ms`);
    rows.push([
      `kept, ${concurrency} ${concurrency === 1 ? 'client' : 'clients'}`,
      median(hits.latencies),
      p99,
      hits.perSecond,
      hits.errors,
    ]);
    data[concurrency] = hits.latencies;
    if (p99 > promisedMs) shortfalls.push(`p99 ${p99.toFixed(1)} ms at ${concurrency} at once, promised ${promisedMs}`);
    if (hits.errors > 0) shortfalls.push(`${hits.errors} answers at ${concurrency} at once were no hits`);
  }
  await quintet.stop();
  return {
    settings: { model: values.model, seconds, pictures: source },
    tables: [
      {
        title: 'Milliseconds from post to answer',
        columns: ['', 'p50', 'p99', 'answers/s', 'errors'],
        rows,
      },
    ],
    data,
    shortfalls,
  };
}
