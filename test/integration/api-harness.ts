/** What the API tests share: a worker that answers what it is told, raw sockets. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  classifyOrderSchema,
  classifyQueueName,
  jobSchema,
  JobStore,
  keyPrefix,
  Presence,
  problemSchema,
  Redis,
  type ClassifyOrder,
  type Job,
  type Outcome,
  type Problem,
  type WorkerPresence,
} from '@quintet/shared';
import { Worker } from 'bullmq';
import type { RedisServer } from '../support/redis-server.js';
import { startService, type ServiceProcess } from '../support/service-process.js';

/** Jobs that name no model are for `resnet50`, whether anybody serves it or not. */
export const startApi = (redisUrl: string, environment: Record<string, string> = {}): Promise<ServiceProcess> =>
  startService('api', { REDIS_URL: redisUrl, DEFAULT_MODEL: 'resnet50', ...environment });

/** The same, once it is ready. */
export async function startReadyApi(
  redisUrl: string,
  environment: Record<string, string> = {},
): Promise<ServiceProcess> {
  const api = await startApi(redisUrl, environment);
  await api.ready();
  return api;
}

export async function jobOf(response: Response): Promise<Job> {
  return jobSchema.parse(await response.json());
}

/** The problem document of a response, which must be one. */
export async function problemOf(response: Response): Promise<Problem> {
  const problem = problemSchema.parse(await response.json());
  if (response.headers.get('content-type') !== 'application/problem+json; charset=utf-8') {
    throw new Error(`a problem as ${String(response.headers.get('content-type'))}`);
  }
  if (problem.status !== response.status || problem.request_id !== response.headers.get('x-request-id')) {
    throw new Error('the problem document contradicts the response');
  }
  return problem;
}

export function formWith(image: Buffer | undefined, fields: Record<string, string> = {}, field = 'image'): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  if (image !== undefined) form.append(field, new Blob([new Uint8Array(image)]), 'photo.jpg');
  return form;
}

export const succeeded = (): Outcome => ({
  status: 'succeeded',
  finished_at: new Date().toISOString(),
  predictions: [{ label: 'electric ray', wnid: 'n01496331', index: 5, score: 0.9 }],
});

/** A worker of `model`: announces itself, with `more` where it is said, checks that the image is there, and ends each job as `answer` says. */
export async function startWorker(
  server: RedisServer,
  answer: (order: ClassifyOrder, image: Buffer) => Outcome | Promise<Outcome> = succeeded,
  model = 'resnet50',
  concurrency = 50,
  more: Partial<WorkerPresence> = {},
) {
  const redis = new Redis(server.url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  const store = new JobStore(redis);
  const presence = new Presence(redis);
  const announce = (): Promise<void> =>
    presence.announce({
      id: `worker-${model}`,
      model: {
        name: model,
        version: 'sha256:0123',
        weights: 'demo',
        explainable: true,
        preprocess: { resize: 256, crop: 224 },
      },
      device: 'cpu',
      since: '2026-01-01T00:00:00.000Z',
      streams: 2,
      intra_op_threads: 1,
      max_batch_size: 4,
      profile: { optimized_for: 'throughput', images_per_second: 25, latency_ms: { '1': 80 } },
      rate: 10,
      ...more,
    });
  await announce();
  const heartbeat = setInterval(() => void announce().catch(() => undefined), 1000);
  const orders: ClassifyOrder[] = [];
  const worker = new Worker(
    classifyQueueName(model),
    async (job) => {
      const order = classifyOrderSchema.parse(job.data);
      orders.push(order);
      const { image, ended } = await store.readImage(order.id);
      if (ended) return;
      if (image === undefined) throw new Error('the image is not there');
      await store.finish(order.id, await answer(order, image), 60);
    },
    { connection: redis, prefix: keyPrefix, concurrency },
  );
  worker.on('error', () => undefined);
  return {
    orders,
    close: async (): Promise<void> => {
      clearInterval(heartbeat);
      await worker.close(true);
      redis.disconnect();
    },
  };
}

/** Writes `chunks` on a socket of its own; resolves to all that comes back until the server closes or `enough` does. */
export async function rawExchange(
  port: number,
  chunks: readonly (string | Buffer)[],
  options: { halfClose?: boolean; enough?: (text: string) => boolean } = {},
): Promise<string> {
  const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  let text = '';
  const done = new Promise<void>((resolve) => {
    socket.on('data', (data) => {
      text += data.toString('latin1');
      if (options.enough?.(text) === true) resolve();
    });
    socket.on('end', resolve).on('close', resolve).on('error', resolve);
  });
  for (const chunk of chunks) socket.write(chunk);
  if (options.halfClose === true) socket.end();
  await done;
  socket.destroy();
  return text;
}
