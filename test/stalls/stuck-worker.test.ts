/** A worker whose held work does not move says so, ends, and loses nothing: another answers what it held. */
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startWorkerBench, type WorkerBench } from '../integration/worker-harness.js';
import { eventually } from '../support/service-process.js';

let bench: WorkerBench;
beforeAll(async () => {
  bench = await startWorkerBench();
});
afterAll(() => bench.stop());

/** A picture with a comment in it that only the hook understands. */
async function hanging(): Promise<Buffer> {
  const picture = sharp({ create: { width: 320, height: 240, channels: 3, background: '#336699' } });
  const jpeg = await picture.jpeg().toBuffer();
  const text = Buffer.from('quintet-test-hang');
  const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, text.length + 2]), text]);
  return Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)]);
}

it('says that it is stuck, and gives way to another', async () => {
  const hook = new URL('../support/hang-on-decode.mjs', import.meta.url).href;
  const stuck = await bench.startWorker({ NODE_OPTIONS: `--import ${hook}`, DECODE_TIMEOUT_SECONDS: '1' });
  const ids = await Promise.all([bench.submit(await hanging()), bench.submit(), bench.submit(), bench.submit()]);
  const readiness = await eventually(async () => {
    const response = await stuck.request('/health/ready');
    if (response.status === 200) throw new Error('it says that it is ready');
    return (await response.json()) as { reasons: readonly string[] };
  });
  expect(readiness.reasons).toEqual([
    expect.stringMatching(/^pictures of a preprocessing thread do not move: \d held/),
  ]);
  await eventually(() => {
    expect(stuck.process.signalCode).toBe('SIGKILL');
  });
  await bench.startWorker();
  const outcomes = await Promise.all(ids.map((id) => bench.outcomeOf(id)));
  expect(outcomes.map(({ status }) => status)).toEqual(ids.map(() => 'succeeded'));
});
