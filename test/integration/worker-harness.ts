/** A Redis and its queue for tests of the compiled worker, which stand on the API's side of it. */
import { JobStore, Redis, classifyQueueName, keyPrefix, type ClassifyOrder, type Outcome } from '@quintet/shared';
import { Queue } from 'bullmq';
import sharp from 'sharp';
import { outcomeOf, submitOrder } from '../support/orders.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { startService, type ServiceProcess } from '../support/service-process.js';
import { testModel, testModelEnvironment } from '../support/test-model.js';

export interface WorkerBench {
  readonly server: RedisServer;
  readonly redis: Redis;
  readonly store: JobStore;
  readonly queue: Queue;
  /** What `submit` sends where it is given nothing else. */
  readonly photo: Buffer;
  /** Starts a worker and waits until it is ready. */
  readonly startWorker: (environment?: Readonly<Record<string, string>>) => Promise<ServiceProcess>;
  readonly submit: (image?: Buffer, order?: Partial<ClassifyOrder>) => Promise<string>;
  readonly outcomeOf: (id: string, timeout?: number) => Promise<Outcome>;
  /** Kills the workers that still run and forgets every job. */
  clear(): Promise<void>;
  /** Kills the workers that still run, and stops Redis. */
  stop(): Promise<void>;
}

const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
const makePhoto = sharp({ create: { width: 640, height: 480, channels: 3, background: '#888', noise } })
  .jpeg()
  .toBuffer();

export async function startWorkerBench(): Promise<WorkerBench> {
  const [server, photo] = await Promise.all([startRedis(), makePhoto]);
  const redis = new Redis(server.url);
  const store = new JobStore(redis);
  const queue = new Queue(classifyQueueName(testModel), { connection: redis, prefix: keyPrefix });
  // Some tests stop Redis on purpose.
  redis.on('error', () => undefined);
  queue.on('error', () => undefined);
  const started: ServiceProcess[] = [];
  const kill = async (): Promise<void> => {
    await Promise.all(started.splice(0).map((worker) => worker.end('SIGKILL')));
  };
  return {
    server,
    redis,
    store,
    queue,
    photo,
    startWorker: async (environment = {}) => {
      const worker = await startService('worker', { ...testModelEnvironment, REDIS_URL: server.url, ...environment });
      started.push(worker);
      await worker.ready();
      return worker;
    },
    submit: (image = photo, order = {}) => submitOrder(store, queue, image, order),
    outcomeOf: (id, timeout) => outcomeOf(store, id, timeout),
    clear: async () => {
      await kill();
      await redis.flushall();
    },
    stop: async () => {
      await kill();
      await queue.close();
      redis.disconnect();
      await server.stop();
    },
  };
}
