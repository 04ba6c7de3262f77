/** The compiled worker against a real Redis: answers, bad images, cancels, deadlines, and what keeps it from starting. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Presence, keys } from '@quintet/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startService } from '../support/service-process.js';
import { testModel, testModelEnvironment } from '../support/test-model.js';
import { startWorkerBench, type WorkerBench } from './worker-harness.js';

let bench: WorkerBench;

beforeAll(async () => {
  bench = await startWorkerBench();
});
afterAll(() => bench.stop());
afterEach(() => bench.clear());

describe('a worker', () => {
  it('answers with five labels, the time of each phase, and what ran it', async () => {
    const worker = await bench.startWorker({ WORKER_ID: 'w-1' });
    const id = await bench.submit();
    const outcome = await bench.outcomeOf(id);
    expect(outcome).toMatchObject({ status: 'succeeded', batch_size: 1, worker: 'w-1', device: 'cpu' });
    expect(outcome.model).toMatchObject({
      name: testModel,
      version: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
    });
    const scores = (outcome.predictions ?? []).map(({ score }) => score);
    expect(scores).toHaveLength(5);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    const { total = 0, ...phases } = outcome.timing_ms ?? {};
    expect(Object.keys(phases).sort()).toEqual(['batch_wait', 'fetch', 'inference', 'preprocess', 'queue']);
    expect(total).toBeGreaterThanOrEqual(Math.max(...Object.values(phases)));
    const line = await worker.logged('job succeeded');
    expect(line).toMatchObject({ job_id: id, request_id: `r-${id}` });
    expect(await bench.redis.exists(keys.image(id))).toBe(0);
    expect(await worker.metric('quintet_jobs_total', { outcome: 'succeeded' })).toBe(1);
    expect(await worker.metric('quintet_batch_size_count')).toBe(1);
  });

  it('leaves nothing of ONNX Runtime’s telemetry in the home folder', async () => {
    const home = await mkdtemp(join(tmpdir(), 'quintet-home-'));
    const worker = await bench.startWorker({ HOME: home, XDG_CACHE_HOME: join(home, '.cache') });
    await bench.outcomeOf(await bench.submit());
    expect(await worker.end()).toBe(0);
    expect(await readdir(home)).toEqual([]);
    await rm(home, { recursive: true });
  });

  it('announces itself while it lives', async () => {
    const presence = new Presence(bench.redis);
    const worker = await bench.startWorker({ WORKER_ID: 'w-here' });
    expect(await presence.workers()).toMatchObject([{ id: 'w-here', model: { name: testModel }, device: 'cpu' }]);
    expect(await worker.end()).toBe(0);
    expect(await presence.workers()).toEqual([]);
    expect((await presence.models()).has(testModel)).toBe(true);
  });

  it('honours top_k and min_score', async () => {
    await bench.startWorker();
    const [many, certain] = await Promise.all([
      bench.submit(bench.photo, { top_k: 20 }),
      bench.submit(bench.photo, { min_score: 1 }),
    ]);
    expect((await bench.outcomeOf(many)).predictions).toHaveLength(20);
    expect((await bench.outcomeOf(certain)).predictions).toEqual([]);
  });

  it('fails a bad image with its reason, once, and its neighbours not at all', async () => {
    const worker = await bench.startWorker();
    const damaged = Buffer.from(bench.photo);
    damaged.fill(0x11, 200, 4000);
    const ids = await Promise.all(
      [bench.photo, Buffer.from('no image'), bench.photo, damaged, bench.photo].map((image) => bench.submit(image)),
    );
    const outcomes = await Promise.all(ids.map((id) => bench.outcomeOf(id)));
    expect(outcomes.map(({ status }) => status)).toEqual(['succeeded', 'failed', 'succeeded', 'failed', 'succeeded']);
    expect(outcomes[1]?.error).toMatchObject({ code: 'image_format_unsupported', status: 415 });
    expect(outcomes[3]?.error?.code).toMatch(/^image_(undecodable|truncated)$/);
    await eventually(async () => {
      expect(await bench.queue.getFailedCount()).toBe(2);
    });
    await eventually(() => {
      expect(worker.lines.filter(({ message }) => message === 'job failed')).toHaveLength(2);
    });
  });

  it('drops what was canceled and expires what is late, without running either', async () => {
    const canceled = await bench.submit();
    await bench.store.finish(canceled, { status: 'canceled', finished_at: new Date().toISOString() }, 60);
    const late = await bench.submit(bench.photo, { deadline_ms: Date.now() - 1 });
    const worker = await bench.startWorker();
    expect((await bench.outcomeOf(late)).status).toBe('expired');
    await worker.logged('order dropped: its job had ended');
    expect((await bench.outcomeOf(canceled)).status).toBe('canceled');
    expect(await worker.metric('quintet_batch_size_count')).toBe(0);
  });
});

describe('a worker that cannot start', () => {
  it('names a bad variable and exits 1', async () => {
    await expect(
      startService('worker', { ...testModelEnvironment, REDIS_URL: bench.server.url, INFERENCE_STREAMS: 'many' }),
    ).rejects.toThrow('ended (1)');
  });

  it('says why a model is not to be had, and never falls back to generated weights', async () => {
    const environment = { ...testModelEnvironment, REDIS_URL: bench.server.url, MODEL: 'no-such-model' };
    const worker = await startService('worker', environment);
    const line = await worker.logged('start failed');
    expect(JSON.stringify(line)).toContain('There is no model no-such-model');
    await eventually(() => {
      expect(worker.process.exitCode).toBe(1);
    });
  });

  it('treats a named execution provider that is missing as an error', async () => {
    const environment = { ...testModelEnvironment, REDIS_URL: bench.server.url, EXECUTION_PROVIDER: 'cuda' };
    const worker = await startService('worker', environment);
    expect(JSON.stringify(await worker.logged('start failed'))).toContain('EXECUTION_PROVIDER=cuda needs');
  });
});
