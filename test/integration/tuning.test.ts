/** Tuning as an operator meets it: measured once, kept, shared, and never in the way. */
import { mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { startService, type ServiceProcess } from '../support/service-process.js';
import { makeSmallModel } from '../support/small-model.js';

const model = 'small';

let server: RedisServer;
let models: string;
const started: ServiceProcess[] = [];

beforeAll(async () => {
  server = await startRedis();
  models = await mkdtemp(join(tmpdir(), 'quintet-models-'));
  await makeSmallModel(models, model);
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

const modelReady = (worker: ServiceProcess) => worker.lines.find((line) => 'images_per_second' in line);
const cacheFolder = () => join(models, model, 'cache');

describe('tuning', () => {
  it('is done by one of two workers that start together, and both run with what it found', async () => {
    const workers = await Promise.all([startWorker(), startWorker()]);
    const sources = workers.map((worker) => modelReady(worker)?.['profile']).sort();
    expect(sources).toEqual(['cached', 'measured']);
    const [first, second] = workers.map((worker) => modelReady(worker));
    for (const setting of ['streams', 'intra_op_threads', 'max_batch_size', 'latency_ms']) {
      expect(first?.[setting]).toEqual(second?.[setting]);
    }
    // The table is shown, in words and as metrics.
    const [measured] = workers.filter((worker) => modelReady(worker)?.['profile'] === 'measured');
    expect(measured?.lines.some(({ message }) => /^measured \d+ × /.test(String(message)))).toBe(true);
    expect(await measured?.metric('quintet_profile_images_per_second', { batch: '1' })).toBeGreaterThan(0);
    const files = await readdir(cacheFolder());
    expect(files.map((file) => file.replace(/-[0-9a-f]{16}/, '')).sort()).toEqual(['prepared', 'profile.json']);
  });

  it('makes again what a crash left broken, instead of loading it', async () => {
    const folder = (await readdir(cacheFolder())).find((file) => file.startsWith('prepared-')) ?? '';
    const profile = (await readdir(cacheFolder())).find((file) => file.startsWith('profile-')) ?? '';
    await truncate(join(cacheFolder(), folder, 'weights.bin'), 1000);
    await writeFile(join(cacheFolder(), profile), '{"half": ');
    const worker = await startWorker();
    expect(modelReady(worker)).toMatchObject({ profile: 'measured' });
    const note = JSON.parse(await readFile(join(cacheFolder(), folder, 'prepared.json'), 'utf8')) as unknown;
    expect(note).toMatchObject({ sha256: { 'weights.bin': expect.stringMatching(/^[0-9a-f]{64}$/) as unknown } });
  });

  it('is skipped where everything is set, and where it is switched off', async () => {
    const set = { INFERENCE_STREAMS: '1', INTRA_OP_THREADS: '1', MAX_BATCH_SIZE: '2' };
    for (const environment of [set, { PROFILE: 'off' }]) {
      const worker = await startWorker(environment);
      expect(worker.lines.some(({ message }) => String(message).startsWith('measured'))).toBe(false);
    }
  });

  it('answers one picture sooner where that is asked for, from the same measurement', async () => {
    const worker = await startWorker({ OPTIMIZE: 'latency' });
    expect(modelReady(worker)).toMatchObject({ profile: 'cached' });
    const { streams, intra_op_threads: threads } = modelReady(worker) ?? {};
    const file = (await readdir(cacheFolder())).find((name) => name.startsWith('profile-')) ?? '';
    const { rows } = JSON.parse(await readFile(join(cacheFolder(), file), 'utf8')) as {
      rows: { streams: number; intraOpThreads: number; batch: number; latencyMs: number }[];
    };
    const single = rows.filter(({ batch }) => batch === 1).sort((a, b) => a.latencyMs - b.latencyMs);
    const chosen = single.find((row) => row.streams === streams && row.intraOpThreads === threads);
    expect(chosen?.latencyMs).toBeLessThanOrEqual((single[0]?.latencyMs ?? 0) * 1.03);
  });

  it('keeps what it finds elsewhere where the model is read-only, and runs with defaults where nothing can be kept', async () => {
    // A file where the folder should be: nobody can write there, not even root.
    await rm(cacheFolder(), { recursive: true });
    await writeFile(cacheFolder(), '');
    // One size of batch instead of three is measured in a third of the time, and kept all the same.
    const quick = { MAX_BATCH_SIZE: '1' };
    const elsewhere = await startWorker(quick);
    expect(modelReady(elsewhere)).toMatchObject({ profile: 'measured' });
    expect(await readdir(join(models, 'data', 'cache', model))).toHaveLength(2);
    const nowhere = await startWorker({ ...quick, DATA_DIR: cacheFolder() });
    expect(nowhere.lines.some(({ message }) => String(message).includes('runs with default settings'))).toBe(true);
    await rm(cacheFolder());
  });
});
