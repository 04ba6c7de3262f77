/**
 * Tuning as an operator meets it: measured once, kept, shared, and never in the way. On a busy machine a measurement is not kept, so
 * these tests expect that, or the reason why not; what has to be there for a test is written by it.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureModel } from '@quintet/models';
import { availableCores } from '@quintet/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { modelFile } from '../../services/worker/dist/inference/model-file.js';
import { candidateBatches, candidateLayouts, type ProfileRow } from '../../services/worker/src/profile/layouts.js';
import { machineKey, TuningCache } from '../../services/worker/src/profile/tuning-cache.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { startService, type ServiceProcess } from '../support/service-process.js';
import { makeSmallModel } from '../support/small-model.js';

// Built: it starts a thread from a file of its own.

const model = 'small';

/** One size of batch instead of three is measured in a third of the time, and kept all the same. */
const quick = { MAX_BATCH_SIZE: '1' };

let server: RedisServer;
let models: string;
const started: ServiceProcess[] = [];

beforeAll(async () => {
  server = await startRedis();
  models = await mkdtemp(join(tmpdir(), 'quintet-models-'));
  await makeSmallModel(models, model, { width: 32 });
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((worker) => worker.end('SIGKILL')));
});
afterAll(async () => {
  await server.stop();
  await rm(models, { recursive: true, force: true });
});

async function startWorker(environment: Record<string, string> = {}): Promise<ServiceProcess> {
  const worker = await startService('worker', {
    MODEL: model,
    MODELS_DIR: models,
    DATA_DIR: join(models, 'data'),
    REDIS_URL: server.url,
    ...environment,
  });
  started.push(worker);
  await worker.ready();
  return worker;
}

/** What measured it says where the machine was too busy for that. */
const wasBusy = (worker: ServiceProcess) =>
  worker.lines.some(({ message }) => String(message).startsWith('what was measured is not kept, as '));

const modelReady = (worker: ServiceProcess) =>
  worker.lines.find(({ message }) => String(message).startsWith('model ready: '));
/** Puts a measurement where a worker looks for it that has default settings, or those that are fixed; its file. */
async function keepProfile(rows: readonly ProfileRow[], fixed: { maxBatch?: number } = {}): Promise<string> {
  const found = await ensureModel({ name: model, modelsDir: models, log: () => undefined });
  const { file } = await modelFile(found, 'exact');
  const cores = availableCores();
  const what = { layouts: candidateLayouts('cpu', cores, {}), batches: candidateBatches('cpu', fixed) };
  const { exactInt8, extension } = file;
  const version = found.manifest.version;
  const key = machineKey({ model: version, provider: 'cpu', cores, exactInt8, features: extension?.output });
  const profile = { key, ...what, measured_at: new Date().toISOString(), rows: [...rows] };
  await new TuningCache(cacheFolder(), key).writeProfile(profile);
  const name = (await readdir(cacheFolder())).find((each) => each.startsWith('profile-')) ?? '';
  return join(cacheFolder(), name);
}

const row = (streams: number, intraOpThreads: number, latencyMs: number): ProfileRow => ({
  ...{ streams, intraOpThreads, batch: 1, latencyMs },
  imagesPerSecond: (streams * 1000) / latencyMs,
});

const cacheFolder = () => join(models, model, 'cache');

describe('tuning', () => {
  it('is done by one of two workers that start together, and both run with what it found', async () => {
    // Makes again what a crash left broken, instead of loading it.
    await startWorker({ PROFILE: 'off' });
    const folder = (await readdir(cacheFolder())).find((file) => file.startsWith('prepared-')) ?? '';
    await truncate(join(cacheFolder(), folder, 'weights.bin'), 1000);
    const profile = await keepProfile([row(1, 1, 60)], { maxBatch: 1 });
    await writeFile(profile, '{"half": ');

    const workers = await Promise.all([startWorker(quick), startWorker(quick)]);
    const [first, second] = workers.map((worker) => modelReady(worker));
    for (const setting of ['streams', 'intra_op_threads', 'max_batch_size']) {
      expect(first?.[setting]).toEqual(second?.[setting]);
    }
    // The table is shown.
    const tables = workers.filter(({ lines }) => lines.some(({ message }) => /^measured \d+ × /.test(String(message))));
    expect(tables).toHaveLength(1);
    const files = (await readdir(cacheFolder())).map((file) => file.replace(/-[0-9a-f]{16}/, '')).sort();
    const sources = workers.map((worker) => modelReady(worker)?.['profile']).sort();
    if (tables.some(wasBusy)) {
      // Each start on a busy machine runs with the same layout: the default one.
      expect(sources).toEqual(['none', 'none']);
      expect(first).toMatchObject({ max_batch_size: 1, intra_op_threads: 1 });
    } else {
      expect([sources, files]).toEqual([
        ['cached', 'measured'],
        ['prepared', 'profile.json'],
      ]);
      expect(await tables[0]?.metric('quintet_profile_images_per_second', { batch: '1' })).toBeGreaterThan(0);
      expect(JSON.parse(await readFile(profile, 'utf8'))).toHaveProperty('rows');
    }
    const note = JSON.parse(await readFile(join(cacheFolder(), folder, 'prepared.json'), 'utf8')) as unknown;
    expect(note).toMatchObject({ sha256: { 'weights.bin': expect.stringMatching(/^[0-9a-f]{64}$/) as unknown } });
  });

  it('is not kept where other processes have the cores, and then the layout does not hang on them', async () => {
    await rm(cacheFolder(), { recursive: true });
    const burners = cpus().map(() => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
    onTestFinished(() => {
      for (const burner of burners) burner.kill('SIGKILL');
    });
    const worker = await startWorker(quick);
    expect(wasBusy(worker), worker.lines.map((line) => JSON.stringify(line)).join('\n')).toBe(true);
    expect(modelReady(worker)).toMatchObject({ profile: 'none', intra_op_threads: 1 });
    expect((await readdir(cacheFolder())).filter((file) => file.startsWith('profile-'))).toEqual([]);
  });

  it('does not delay a worker that is to measure when it is idle', async () => {
    await rm(cacheFolder(), { recursive: true, force: true });
    const worker = await startWorker({ PROFILE: 'idle' });
    expect(worker.lines.some(({ message }) => message === 'finding the best settings for this machine')).toBe(false);
    expect(modelReady(worker)).toMatchObject({ profile: 'none' });
    // Opened once for all sessions, as ever.
    expect((await readdir(cacheFolder())).map((file) => file.replace(/-.*/, ''))).toEqual(['prepared']);
  });

  it('is skipped where everything is set, and where it is switched off', async () => {
    const set = { INFERENCE_STREAMS: '1', INTRA_OP_THREADS: '1', MAX_BATCH_SIZE: '2' };
    for (const environment of [set, { PROFILE: 'off' }]) {
      const worker = await startWorker(environment);
      expect(worker.lines.some(({ message }) => String(message).startsWith('measured'))).toBe(false);
    }
  });

  it('answers one picture sooner where that is asked for, from the same measurement', async () => {
    await keepProfile([row(2, 1, 60), row(1, 2, 40)]);
    const forThroughput = modelReady(await startWorker());
    expect(forThroughput).toMatchObject({ profile: 'cached', streams: 2, intra_op_threads: 1, solo_threads: 2 });
    const forLatency = modelReady(await startWorker({ OPTIMIZE: 'latency' }));
    expect(forLatency).toMatchObject({ profile: 'cached', streams: 1, intra_op_threads: 2 });
  });

  it('keeps what it finds elsewhere where the model is read-only, and runs with defaults where nothing can be kept', async () => {
    // A file where the folder should be: nobody can write there, not even root.
    await rm(cacheFolder(), { recursive: true });
    await writeFile(cacheFolder(), '');
    const elsewhere = await startWorker(quick);
    expect(modelReady(elsewhere)).toMatchObject({ profile: wasBusy(elsewhere) ? 'none' : 'measured' });
    expect(await readdir(join(models, 'data', 'cache', model))).toHaveLength(wasBusy(elsewhere) ? 1 : 2);
    const nowhere = await startWorker({ ...quick, DATA_DIR: cacheFolder() });
    expect(nowhere.lines.some(({ message }) => String(message).includes('runs with default settings'))).toBe(true);
    await rm(cacheFolder());
  });
});
