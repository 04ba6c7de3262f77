/** Ordinary pictures and a large one, round after round, through a real worker: none waits without end. */
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startWorkerBench, type WorkerBench } from '../integration/worker-harness.js';
import { full } from '../support/full.js';
import { randomOf } from '../support/hostile/random.js';

const rounds = full ? 20 : 6;
const ordinary = 40;

let bench: WorkerBench;
beforeAll(async () => {
  bench = await startWorkerBench();
});
afterAll(() => bench.stop());

const draw = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: { r: width % 256, g: height % 256, b: 90 } } });

/** PNG, WebP and JPEG of sizes up to 1000 × 850: what their decoding takes is no whole number of bytes. */
function ordinaryPictures(): Promise<Buffer[]> {
  const random = randomOf('ordinary pictures');
  return Promise.all(
    Array.from({ length: ordinary }, (_, index) => {
      const picture = draw(50 + random.int(951), 50 + random.int(801));
      return (['png', 'webp', 'jpeg'] as const)[index % 3] === 'png'
        ? picture.png().toBuffer()
        : index % 3 === 1
          ? picture.webp().toBuffer()
          : picture.jpeg().toBuffer();
    }),
  );
}

it(`answers ${ordinary} ordinary pictures and a large WebP, ${rounds} rounds`, async () => {
  const worker = await bench.startWorker({ RESULT_CACHE_TTL_SECONDS: '0' });
  const [pictures, large] = await Promise.all([ordinaryPictures(), draw(4160, 3120).webp({ effort: 0 }).toBuffer()]);
  for (let round = 0; round < rounds; round += 1) {
    const ids = await Promise.all([...pictures, large].map((picture) => bench.submit(picture)));
    const outcomes = await Promise.all(ids.map((id) => bench.outcomeOf(id)));
    expect(outcomes.map(({ status }) => status)).toEqual(ids.map(() => 'succeeded'));
  }
  // What recovers by itself would be answered, too.
  const signs = ['held work does not move', 'attempt failed', 'order handed back'];
  expect(worker.lines.filter(({ message }) => signs.includes(String(message)))).toEqual([]);
  expect((await worker.request('/health/ready')).status).toBe(200);
});
