/**
 * All of Quintet for a test across processes: a Redis of its own and the compiled services as in production, on random
 * ports. The tests decide who is killed and when; nothing restarts by itself.
 */
import { startRedis, type RedisServer } from './redis-server.js';
import { startService, type ServiceName, type ServiceProcess } from './service-process.js';
import { testModel, testModelEnvironment } from './test-model.js';

/** Signs the webhooks of every stack. */
export const stackWebhookSecret = `whsec_${Buffer.alloc(32, 'quintet').toString('base64')}`;

export interface StackOptions {
  /** Over the defaults, for every service. */
  readonly env?: Readonly<Record<string, string>>;
  /** How many; 1 by default. */
  readonly workers?: number;
  /** The test model by default; see test-model.ts. */
  readonly model?: string;
  /** Further settings of Redis, as on its command line. */
  readonly redisArgs?: readonly string[];
  /** The Redis address that the services are given, where it is not its own: that of something in between. */
  readonly between?: (redis: RedisServer) => Promise<string>;
}

export interface StackWorker extends ServiceProcess {
  /** WORKER_ID, as results name it. */
  readonly id: string;
  /** Sends `signal` (SIGKILL by default) and resolves to how it ended. */
  kill(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

export interface Stack {
  /** Of the API, e.g. `http://127.0.0.1:40123`. */
  readonly url: string;
  readonly redis: RedisServer;
  readonly api: ServiceProcess;
  readonly webhooks: ServiceProcess;
  /** In the order of their start; killed ones stay in it. */
  readonly workers: readonly StackWorker[];
  /** Starts one more and waits until it is ready. `env` goes over the stack's. */
  addWorker(env?: Readonly<Record<string, string>>): Promise<StackWorker>;
  /** Starts another API on the same Redis and waits until it is ready; stop() ends it too. */
  addApi(env?: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  /** Starts another webhook service and waits until it is ready. */
  addWebhooks(env?: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  /** Stops what still runs: API, workers and webhooks, Redis. */
  stop(): Promise<void>;
}

/** Starts everything and waits until all of it is ready; leaves nothing behind where that fails. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const redis = await startRedis(options.redisArgs);
  const redisUrl = (await options.between?.(redis)) ?? redis.url;
  const started: ServiceProcess[] = [];
  const workers: StackWorker[] = [];
  const model = options.model ?? testModel;
  const common = {
    REDIS_URL: redisUrl,
    ALLOW_PRIVATE_HOSTS: 'true',
    WEBHOOK_SECRET: stackWebhookSecret,
    DEFAULT_MODEL: model,
    ...testModelEnvironment,
    MODEL: model,
    // Tests post one picture again and again, and mean each to be classified.
    RESULT_CACHE_TTL_SECONDS: '0',
    ...options.env,
  };

  const start = async (service: ServiceName, env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> => {
    const running = await startService(service, { ...common, ...env });
    started.push(running);
    await running.ready();
    return running;
  };
  const startWorker = async (index: number, env: Readonly<Record<string, string>> = {}): Promise<StackWorker> => {
    const id = env['WORKER_ID'] ?? `worker-${index + 1}`;
    // As the images and `npm start` have it: glibc's arenas keep what many decodes took.
    const running = await start('worker', { MALLOC_ARENA_MAX: '2', ...env, WORKER_ID: id });
    return { ...running, id, kill: (signal = 'SIGKILL') => running.end(signal) };
  };
  const stop = async (): Promise<void> => {
    const workersAndWebhooks = started.filter((each) => each !== started[0]);
    await started[0]?.end();
    await Promise.all(workersAndWebhooks.map((each) => each.end()));
    await redis.stop();
  };

  try {
    const api = await start('api');
    const [webhooks, ...first] = await Promise.all([
      start('webhooks'),
      ...Array.from({ length: options.workers ?? 1 }, (_, index) => startWorker(index)),
    ]);
    workers.push(...first);
    return {
      url: api.url,
      redis,
      api,
      webhooks,
      workers,
      addWorker: async (env) => {
        const added = await startWorker(workers.length, env);
        workers.push(added);
        return added;
      },
      addApi: (env) => start('api', env),
      addWebhooks: (env) => start('webhooks', env),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
