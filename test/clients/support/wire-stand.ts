/** An API with a worker that answers what it is told, to look at what clients of other protocols send and are answered. */
import { OutputStore, Redis, type ClassifyOrder, type Outcome } from '@quintet/shared';
import { expect } from 'vitest';
import { makeImage } from '../../fixtures/images/index.js';
import { startReadyApi, startWorker, succeeded } from '../../integration/api-harness.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { eventually, type ServiceProcess } from '../../support/service-process.js';

export const model = 'resnet50';
/** Of a very small model: 2 × 2 pixels, three classes. */
const tensors = { input: { name: 'data', shape: [-1, 3, 2, 2] }, output: { name: 'logits', shape: [-1, 3] } };
export const rowBytes = 3 * 2 * 2 * 4;

type Answer = (order: ClassifyOrder, image: Buffer) => Outcome | Promise<Outcome>;

export interface WireStand {
  readonly server: RedisServer;
  readonly redis: Redis;
  /** Takes uploads of 100 kB. */
  readonly api: ServiceProcess;
  /** Another, which waits a second for an answer and has room for one job of a model. */
  readonly impatient: ServiceProcess;
  readonly photo: Buffer;
  /** What the worker took since `reset`. */
  taken: { readonly order: ClassifyOrder; readonly image: Buffer }[];
  /** What it answers; `best` unless a test says otherwise. */
  answer: Answer;
  /** The values of a row are its first three; of a picture they are 1, 3 and 2. */
  readonly best: Answer;
  readonly post: (
    path: string,
    body: RequestInit['body'],
    headers?: Record<string, string>,
    service?: ServiceProcess,
  ) => Promise<Response>;
  reset(): void;
  stop(): Promise<void>;
}

export async function startWireStand(): Promise<WireStand> {
  const server = await startRedis();
  const redis = new Redis(server.url, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  const outputs = new OutputStore(redis);
  const settings = { DEFAULT_MODEL: model, MAX_UPLOAD_BYTES: '100000' };
  const [api, impatient] = await Promise.all([
    startReadyApi(server.url, settings),
    startReadyApi(server.url, { ...settings, MAX_WAIT_SECONDS: '1', MAX_QUEUE_DEPTH: '1' }),
  ]);
  const best: Answer = async (order, image) => {
    const values =
      order.tensor === true ? new Float32Array(new Uint8Array(image).buffer, 0, 3) : Float32Array.of(1, 3, 2);
    if (order.output === true) await outputs.keep(order.id, values);
    const ranked = [...values.entries()].sort(([, a], [, b]) => b - a).slice(0, order.top_k);
    return {
      ...succeeded(),
      model: { name: model, version: 'sha256:0123' },
      predictions: ranked.map(([index], place) => ({
        ...{ label: `class ${index}`, wnid: `n${index}`, index },
        score: 0.5 / 2 ** place,
      })),
    };
  };
  const take: Answer = (order, image) => {
    stand.taken.push({ order, image });
    return stand.answer(order, image);
  };
  const worker = await startWorker(server, take, model, 50, { tensors });
  const stand: WireStand = {
    server,
    redis,
    api,
    impatient,
    photo: await makeImage({ format: 'jpeg', width: 64, height: 48 }),
    taken: [],
    answer: best,
    best,
    post: (path, body, headers = {}, service = api) =>
      service.request(path, { method: 'POST', body: body ?? null, headers }),
    reset: () => {
      stand.taken = [];
      stand.answer = best;
    },
    stop: async () => {
      await worker.close();
      redis.disconnect();
      await Promise.all([api.end(), impatient.end()]);
      await server.stop();
    },
  };
  await eventually(async () => {
    for (const service of [api, impatient]) expect((await service.request(`/v2/models/${model}`)).status).toBe(200);
  });
  return stand;
}

export const bytes = (buffer: Buffer): Uint8Array<ArrayBuffer> => new Uint8Array(buffer);
export const json = (value: unknown): string => JSON.stringify(value);

/** What a worker waits for until the test has seen enough. */
export function held(): { readonly promise: Promise<void>; readonly now: () => void } {
  let now = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    now = resolve;
  });
  return {
    promise,
    now: () => {
      now();
    },
  };
}

/** Status and body of a failure, which must have the one shape that these clients read. */
export async function failureOf(response: Response): Promise<{ status: number; code: unknown; error: unknown }> {
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const { error, code, request_id: id, ...rest } = (await response.json()) as Record<string, unknown>;
  expect(rest).toEqual({});
  expect(id).toBe(response.headers.get('x-request-id'));
  return { status: response.status, code, error };
}
