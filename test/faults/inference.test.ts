/** What runs a picture dies, hangs, or is killed by it. That job fails; its neighbours do not; the worker stays or comes back. */
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { jpegWithScans } from '../fixtures/images/index.js';
import { full } from '../support/full.js';
import { eventually } from '../support/service-process.js';
import type { StackWorker } from '../support/stack.js';
import { picture, type Picture } from './support/pictures.js';
import { startStand, type Stand } from './support/stand.js';

const hook = (name: string): string => `--import ${new URL(`../support/${name}.mjs`, import.meta.url).href}`;

/** Of the picture that is decoded for ever: several seconds, where a second is allowed. */
const endlessSide = 8000;
const limits = { MAX_IMAGE_PIXELS: String(endlessSide ** 2), MAX_DECODE_BYTES: '1500000000' };

let stand: Stand;
beforeAll(async () => {
  stand = await startStand({ env: limits });
  await stand.stack.workers[0]?.end();
});
afterAll(() => stand.stop());

/** A worker that is gone when its test has ended, however it ended. */
async function addWorker(env: Readonly<Record<string, string>>): Promise<StackWorker> {
  const worker = await stand.stack.addWorker(env);
  onTestFinished(async () => {
    await worker.end('SIGKILL');
  });
  return worker;
}

/** Runs workers with a hook, one at a time; a supervisor starts the next where one dies. */
async function supervise(env: Readonly<Record<string, string>>) {
  let stopped = false;
  let deaths = 0;
  let current = await stand.stack.addWorker(env);
  const watch = (worker: StackWorker): void => {
    worker.process.once('exit', () => {
      if (stopped) return;
      deaths += 1;
      supervision = stand.stack.addWorker(env).then((next) => {
        current = next;
        watch(next);
      });
    });
  };
  let supervision = Promise.resolve();
  watch(current);
  onTestFinished(async () => {
    await supervision;
    stopped = true;
    await current.end('SIGKILL');
  });
  return {
    deaths: () => deaths,
  };
}

/** Among the load, pictures that do harm. */
async function amid(poison: readonly Picture[], neighbours = 30) {
  const before = stand.load({ clients: 6, pauseMs: full ? 30 : 300 });
  await before.more(neighbours / 2);
  const bad = stand.load({ pictures: poison, clients: 1, pauseMs: 20, ways: ['webhook'] });
  await eventually(() => {
    expect(bad.accepted.length).toBeGreaterThanOrEqual(poison.length);
  });
  await bad.stop();
  await before.more(neighbours / 2);
  await before.stop();
  return { accepted: [...before.accepted, ...bad.accepted] };
}

/** A test's picture with a comment in it that only the hook understands. */
async function crashing(): Promise<Picture> {
  const jpeg = await sharp({ create: { width: 320, height: 240, channels: 3, background: '#336699' } })
    .jpeg()
    .toBuffer();
  const text = Buffer.from('quintet-test-crash');
  const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, text.length + 2]), text]);
  return picture('crash', Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)]));
}

/** Few bytes, much work: a progressive JPEG of many scans, larger than is usually allowed, as what is allowed takes a second. */
async function endless(): Promise<Picture> {
  return picture('scans', await jpegWithScans(endlessSide, 39));
}

async function magenta(): Promise<Picture> {
  const create = { width: 300, height: 300, channels: 3, background: '#ff00ff' } as const;
  return picture('magenta', await sharp({ create }).png().toBuffer());
}

if (full) {
  describe('an inference thread', () => {
    it('dies', async () => {
      const worker = await addWorker({ NODE_OPTIONS: hook('kill-threads'), INFERENCE_STREAMS: '2' });
      const load = stand.load({ clients: 8, pauseMs: 30 });
      for (const death of [1, 2]) {
        await load.more(15);
        worker.process.kill('SIGUSR2');
        await eventually(async () => {
          expect(await worker.metric('quintet_inference_stream_restarts_total')).toBe(death);
        });
      }
      await load.stop();
      const recoverySeconds = await stand.recovery();
      await stand.book('inference threads killed', load, { recoverySeconds, note: '2 threads' });
      expect(worker.process.exitCode).toBeNull();
      expect(await worker.end()).toBe(0);
    });

    it('hangs on a picture, and is ended', async () => {
      const worker = await addWorker({
        NODE_OPTIONS: hook('hang-on-picture'),
        HANG_IN: 'script',
        INFERENCE_TIMEOUT_SECONDS: '2',
        INFERENCE_STREAMS: '2',
        MAX_BATCH_SIZE: '1',
      });
      const load = await amid([await magenta()]);
      const failing = new Map([['magenta', ['inference_failed']]]);
      const recoverySeconds = await stand.recovery();
      await stand.book('inference hangs on a picture', load, { failing, recoverySeconds, note: 'the worker stays' });
      expect(worker.process.exitCode).toBeNull();
      expect(await worker.end()).toBe(0);
    });

    it('hangs where it cannot be ended: the worker comes back', async () => {
      const workers = await supervise({
        NODE_OPTIONS: hook('hang-on-picture'),
        HANG_IN: 'native',
        INFERENCE_TIMEOUT_SECONDS: '2',
        INFERENCE_STREAMS: '2',
      });
      const load = await amid([await magenta()]);
      // Between two attempts nobody holds it, so which of the two comes first depends on when the worker exits.
      const failing = new Map([['magenta', ['worker_lost', 'inference_failed']]]);
      await stand.book('inference hangs in native code', load, {
        failing,
        note: 'the worker comes back',
      });
      expect(workers.deaths()).toBeGreaterThan(0);
    });
  });

  describe('a picture', () => {
    it('crashes its worker: it is found out, and its neighbours are not blamed', async () => {
      const workers = await supervise({ NODE_OPTIONS: hook('crash-on-picture') });
      const load = await amid([await crashing()]);
      const failing = new Map([['crash', ['worker_lost']]]);
      await stand.book('a picture crashes its worker', load, {
        failing,
        note: 'the job failed as worker_lost',
      });
      expect(workers.deaths()).toBeGreaterThanOrEqual(3);
    });

    it('is decoded for ever', async () => {
      const worker = await addWorker({ DECODE_TIMEOUT_SECONDS: '1' });
      const load = await amid([await endless()]);
      const failing = new Map([['scans', ['image_decode_timeout']]]);
      await stand.book('a picture is decoded for ever', load, { failing });
      expect(worker.process.exitCode).toBeNull();
      expect(await worker.end('SIGKILL')).toBe('SIGKILL');
    });
  });
}

if (!full) {
  /** In a minute, where each alone takes one: all of it in one worker, that a supervisor starts again. */
  it('pictures that hang, crash and are decoded for ever fail alone', async () => {
    const workers = await supervise({
      NODE_OPTIONS: `${hook('hang-on-picture')} ${hook('crash-on-picture')}`,
      HANG_IN: 'script',
      INFERENCE_TIMEOUT_SECONDS: '2',
      DECODE_TIMEOUT_SECONDS: '1',
      INFERENCE_STREAMS: '2',
      MAX_BATCH_SIZE: '1',
    });
    const load = await amid([await magenta(), await crashing(), await endless()]);
    const failing = new Map([
      ['magenta', ['inference_failed', 'worker_lost']],
      ['crash', ['worker_lost']],
      ['scans', ['image_decode_timeout', 'worker_lost']],
    ]);
    await stand.book('pictures that hang, crash, take for ever', load, {
      failing,
      note: () => `${workers.deaths()} workers died`,
    });
    expect(workers.deaths()).toBeGreaterThanOrEqual(3);
  });
}
