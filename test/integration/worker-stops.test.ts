/**
 * The compiled worker told to stop, cut off and killed: whatever it held is done by another.
 *
 * Most of the time these tests wait for the locks of a dead worker to run out, so they run beside each other, each with a
 * Redis of its own.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, it, type onTestFinished } from 'vitest';
import { eventually } from '../support/service-process.js';
import { startWorkerBench, type WorkerBench } from './worker-harness.js';

/** What a worker never ends that has this hook; another does. */
const endless = sharp({ create: { width: 320, height: 240, channels: 3, background: '#f0f' } })
  .png()
  .toBuffer();
const hook = `--import ${new URL('../support/hang-on-picture.mjs', import.meta.url).href}`;

type OnFinished = typeof onTestFinished;

/** Tests that run beside each other have no hooks in common: each cleans up by its own. */
async function bench(onFinished: OnFinished): Promise<WorkerBench> {
  const own = await startWorkerBench();
  onFinished(() => own.stop());
  return own;
}

const several = (count: number, one: () => Promise<string>): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, one));

describe.concurrent('a worker that is told to stop', () => {
  it('finishes what it holds, leaves the rest, and exits 0', async ({ expect, onTestFinished }) => {
    const { startWorker, submit, outcomeOf, queue, store } = await bench(onTestFinished);
    const worker = await startWorker();
    const ids = await several(100, () => submit());
    await Promise.race(ids.map((id) => outcomeOf(id)));
    expect(await worker.end('SIGTERM')).toBe(0);
    expect(await queue.getActiveCount()).toBe(0);
    const done = await worker.logged('stopped').then(async () => await Promise.all(ids.map((id) => store.read(id))));
    const ended = done.filter((job) => job?.outcome !== undefined).length;
    expect(ended + (await queue.getWaitingCount())).toBe(100);
    await startWorker();
    for (const id of ids) expect((await outcomeOf(id)).status).toBe('succeeded');
  });

  it('hands back what it cannot finish in time, so that another worker has it at once', async ({
    expect,
    onTestFinished,
  }) => {
    const { startWorker, submit, outcomeOf, queue } = await bench(onTestFinished);
    const folder = await mkdtemp(join(tmpdir(), 'quintet-held-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const hangs = { NODE_OPTIONS: hook, HANG_UNTIL: pipe, INFERENCE_STREAMS: '1', MAX_BATCH_SIZE: '1' };
    const worker = await startWorker({ SHUTDOWN_SECONDS: '5', CONCURRENCY: '50', ...hangs });
    const ids = await several(10, () => submit());
    await worker.logged('job succeeded');
    ids.push(await submit(await endless), ...(await several(20, () => submit())));
    // Opens when the run that hangs reads from it.
    const release = await open(pipe, 'w');
    await eventually(async () => {
      expect(await queue.getWaitingCount()).toBe(0);
    });
    const ended = worker.end('SIGTERM');
    await worker.logged('order handed back');
    // A run that is under way ends before the worker does.
    await release.write('.');
    await release.close();
    expect(await ended).toBe(0);
    expect(await queue.getActiveCount()).toBe(0);
    const next = await startWorker();
    for (const id of ids) expect((await outcomeOf(id)).status).toBe('succeeded');
    expect(next.lines.filter(({ message }) => String(message).includes('is lost'))).toEqual([]);
  });

  it('exits at once on a second signal, and another worker takes over', async ({ expect, onTestFinished }) => {
    const { startWorker, submit, outcomeOf, queue } = await bench(onTestFinished);
    const worker = await startWorker({ NODE_OPTIONS: hook, HANG_IN: 'native' });
    const ids = await several(20, () => submit());
    await worker.logged('job succeeded');
    ids.push(await submit(await endless));
    await eventually(async () => {
      expect(await queue.getWaitingCount()).toBe(0);
    });
    const ended = worker.end('SIGTERM');
    await worker.logged('draining');
    worker.process.kill('SIGTERM');
    expect(await ended).toBe('SIGTERM');
    await startWorker();
    for (const id of ids) expect((await outcomeOf(id)).status).toBe('succeeded');
  });
});

// Not a concurrent suite: its tests run beside each other, after those above.
describe('what a worker held', () => {
  it.concurrent('is done when Redis is back, where it stopped without Redis', async ({ expect, onTestFinished }) => {
    const { startWorker, submit, outcomeOf, server } = await bench(onTestFinished);
    const worker = await startWorker();
    const ids = await several(60, () => submit());
    await Promise.race(ids.map((id) => outcomeOf(id)));
    await server.kill();
    expect(await worker.end('SIGTERM')).toBe(0);
    await server.start();
    await startWorker();
    for (const id of ids) expect((await outcomeOf(id)).status).toBe('succeeded');
  });

  it.concurrent(
    'is not lost where it is killed: another takes over and finishes its jobs, each once',
    async ({ expect, onTestFinished }) => {
      const { startWorker, submit, outcomeOf } = await bench(onTestFinished);
      const [first, second] = await Promise.all([
        startWorker({ WORKER_ID: 'first' }),
        startWorker({ WORKER_ID: 'second' }),
      ]);
      const ids = await several(150, () => submit());
      await Promise.race(ids.map((id) => outcomeOf(id)));
      await first.logged('job succeeded');
      await first.end('SIGKILL');
      const outcomes = await Promise.all(ids.map((id) => outcomeOf(id)));
      expect(outcomes.map(({ status }) => status)).toEqual(ids.map(() => 'succeeded'));
      expect(new Set(outcomes.map(({ worker }) => worker))).toEqual(new Set(['first', 'second']));
      const lost = second.lines
        .filter(({ message }) => String(message).includes('is lost'))
        .map((line) => line['job_id']);
      expect(lost.length).toBeGreaterThan(0);
    },
  );
});
