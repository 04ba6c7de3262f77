/** Services that are told to end at a bad moment, some rounds of it, and how they ended. */
import { JobStore, Redis, classifyQueueName, keyPrefix } from '@quintet/shared';
import { Queue } from 'bullmq';
import { rm } from 'node:fs/promises';
import { makeImage } from '../../fixtures/images/index.js';
import { submitOrder } from '../../support/orders.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { eventually, startService, type ServiceProcess } from '../../support/service-process.js';
import { makeSlowModel, slowModel } from '../../support/slow-model.js';
import { addRow } from './table.js';

/** How a process ended, and what it said. */
export interface End {
  readonly how: number | NodeJS.Signals | null;
  readonly said: readonly unknown[];
  readonly errors: string;
}

/** Lets `service` end, or be ended by `signal`. */
export async function endOf(service: ServiceProcess, signal?: NodeJS.Signals): Promise<End> {
  const how = await service.end(signal);
  return { how, said: service.lines.map(({ message }) => message), errors: service.errors() };
}

/** Adds the row of `ends`, and returns how many of them there are of each kind. */
export function bookStops(stop: string, ends: readonly End[]): { aborts: number; hangs: number } {
  const aborts = ends.filter(
    ({ how, errors }) => how === 'SIGABRT' || /terminate called|Napi::Error/.test(errors),
  ).length;
  const hangs = ends.filter(({ said }) => said.includes('shutdown took too long; exiting')).length;
  addRow({ stop, rounds: ends.length, aborts, hangs });
  return { aborts, hangs };
}

/** Does `work` for the numbers from 0, at most `together` at a time; results in their order. */
export async function inGroups<T>(
  count: number,
  together: number,
  work: (number: number) => Promise<T>,
): Promise<readonly T[]> {
  const results: T[] = [];
  for (let first = 0; first < count; first += together) {
    const group = Array.from({ length: Math.min(together, count - first) }, (_, index) => work(first + index));
    results.push(...(await Promise.all(group)));
  }
  return results;
}

export interface BusyBench {
  readonly redis: RedisServer;
  /** Starts a worker that takes a while for a picture, and resolves when it listens. */
  start(env?: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  /** Starts one that is in the middle of a run, with more to do; the first picture is `first`. */
  startBusy(env?: Readonly<Record<string, string>>, first?: Buffer): Promise<ServiceProcess>;
  /** Forgets every order. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

/** A tenth of a second for a picture: there are hardly ever moments without a run. */
const filters = 80;
const ordersOfOne = 30;
const someOrders = 4;

export async function startBusyBench(): Promise<BusyBench> {
  const [server, models, image] = await Promise.all([
    startRedis(),
    makeSlowModel(filters),
    makeImage({ format: 'jpeg', width: 320, height: 240 }),
  ]);
  const redis = new Redis(server.url);
  const store = new JobStore(redis);
  const queue = new Queue(classifyQueueName(slowModel), { connection: redis, prefix: keyPrefix });
  const started: ServiceProcess[] = [];
  const start: BusyBench['start'] = async (env = {}) => {
    const worker = await startService('worker', {
      REDIS_URL: server.url,
      MODEL: slowModel,
      MODELS_DIR: models,
      DATA_DIR: models,
      PROFILE: 'off',
      INFERENCE_STREAMS: '2',
      INTRA_OP_THREADS: '1',
      MAX_BATCH_SIZE: '1',
      CONCURRENCY: String(ordersOfOne),
      RESULT_CACHE_TTL_SECONDS: '0',
      ...env,
    });
    started.push(worker);
    return worker;
  };
  return {
    redis: server,
    start,
    startBusy: async (env, first = image) => {
      const worker = await start(env);
      for (let order = 0; order < ordersOfOne; order += 1) {
        await submitOrder(store, queue, order === 0 ? first : image, { model: slowModel });
      }
      // When some are done, those before them have begun, and those after them are under way.
      await eventually(() => {
        const done = worker.lines.filter(({ message }) => message === 'job succeeded').length;
        if (done < someOrders) throw new Error(`only ${done} jobs are done`);
      });
      return worker;
    },
    clear: async () => {
      await redis.flushall();
    },
    stop: async () => {
      await Promise.all(started.map((worker) => worker.end('SIGKILL')));
      await queue.close();
      redis.disconnect();
      await server.stop();
      await rm(models, { recursive: true, force: true });
    },
  };
}
