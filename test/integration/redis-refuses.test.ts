/** Redis that is lost in the middle of a request, or takes no writes: each answer is the right one, as the protocol has it. */
import { mkdtemp, mkdir, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTar, makeZip } from '../fixtures/archives/index.js';
import { makeImage } from '../fixtures/images/index.js';
import { startCuttingProxy, type CuttingProxy } from '../support/cutting-proxy.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { eventually, type ServiceProcess } from '../support/service-process.js';
import { formWith, startReadyApi, problemOf } from './api-harness.js';
import { documentOf, formOf } from './batches-harness.js';

type Ask = () => [path: string, init: RequestInit];

let directory: string;
let server: RedisServer;
let redis: Redis;
let proxy: CuttingProxy;
let api: ServiceProcess;
let image: Buffer;
let tar: Buffer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quintet-refuses-'));
  // A folder in the place of its snapshot: Redis cannot save, as on a full disk, and root cannot either.
  await mkdir(join(directory, 'dump.rdb'));
  server = await startRedis(['--dir', directory, '--save', '3600', '1']);
  redis = new Redis(server.url);
  proxy = await startCuttingProxy(server.port);
  api = await startReadyApi(`redis://127.0.0.1:${proxy.port}`);
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
  tar = await makeTar(pictures());
});

afterAll(async () => {
  redis.disconnect();
  await api.end();
  await proxy.stop();
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

const pictures = () => [{ name: 'one.jpg', content: image }];
const post = (body: NonNullable<RequestInit['body']>, type?: string): RequestInit => ({
  method: 'POST',
  body,
  ...(type === undefined ? {} : { headers: { 'Content-Type': type } }),
});
const jpeg = (): RequestInit => post(new Uint8Array(image), 'image/jpeg');

const submissions: Record<string, Ask> = {
  'a job': () => ['/v1/jobs', jpeg()],
  'a job in a form': () => ['/v1/jobs', post(formWith(image))],
  'a job in a document': () => [
    '/v1/jobs',
    post(JSON.stringify({ image_base64: image.toString('base64') }), 'application/json'),
  ],
  'a form of pictures': () => ['/v1/batches', post(formOf(pictures()))],
  'a document of pictures': () => ['/v1/batches', post(documentOf(pictures()), 'application/json')],
  'a ZIP': () => ['/v1/batches', post(new Uint8Array(makeZip(pictures())), 'application/zip')],
  'a TAR': () => ['/v1/batches', post(new Uint8Array(tar), 'application/x-tar')],
};

const request = ([path, init]: ReturnType<Ask>): Promise<Response> => api.request(path, init);

/** Of the problem that a request is answered with. */
async function refusalOf(response: Response): Promise<[status: number, code: string]> {
  return [response.status, (await problemOf(response)).code];
}

describe('Redis that is lost in the middle', () => {
  // Each is asked once for every write that it takes, the last time without a loss.
  it.each(Object.entries(submissions))('of %s', async (_name, ask) => {
    let nth = 0;
    for (let isCut = true; isCut;) {
      await api.ready();
      proxy.arm(++nth);
      const response = await request(ask());
      isCut = proxy.disarm();
      // It may be lost after what it was asked for is done.
      if (response.status !== 202)
        expect([nth, isCut, ...(await refusalOf(response))]).toEqual([nth, true, 503, 'redis_unavailable']);
      else await response.body?.cancel();
    }
    expect(nth).toBeGreaterThan(1);
  });
});

describe('Redis that takes no writes', () => {
  const refusing: Record<
    string,
    { readonly begin: () => Promise<unknown>; readonly end: () => Promise<unknown>; reason: RegExp }
  > = {
    'because its disk is full': {
      begin: async () => {
        await redis.set('unsaved', '1');
        await redis.bgsave();
        await saved('err');
      },
      end: async () => {
        await rmdir(join(directory, 'dump.rdb'));
        await redis.bgsave();
        await saved('ok');
      },
      reason: /^Redis is unfit: it takes no writes: MISCONF /,
    },
    'because it is a replica': {
      begin: () => redis.replicaof('127.0.0.1', '1'),
      end: () => redis.replicaof('NO', 'ONE'),
      reason: /^Redis is unfit: it takes no writes: READONLY /,
    },
    'because it has too few replicas': {
      begin: () => redis.config('SET', 'min-replicas-to-write', '1'),
      end: () => redis.config('SET', 'min-replicas-to-write', '0'),
      reason: /^Redis is unfit: it takes no writes: NOREPLICAS /,
    },
  };

  it.each(Object.entries(refusing))(
    '%s: nothing is accepted, and the service says why',
    async (_name, { begin, end, reason }) => {
      await api.ready();
      await begin();
      try {
        for (const ask of Object.values(submissions)) {
          expect(await refusalOf(await request(ask()))).toEqual([503, 'redis_unavailable']);
        }
        const plain = await api.request('/models/resnet50', jpeg());
        expect([plain.status, ((await plain.json()) as { code: string }).code]).toEqual([502, 'redis_unavailable']);
        const ready = await api.request('/health/ready');
        const { reasons } = (await ready.json()) as { reasons: string[] };
        expect([ready.status, reasons]).toEqual([503, [expect.stringMatching(reason)]]);
      } finally {
        await end();
      }
      await api.ready();
      expect((await request(['/v1/jobs', jpeg()])).status).toBe(202);
    },
  );

  it('because its memory is full: ready, and those who submit are told', async () => {
    await redis.config('SET', 'maxmemory', '1');
    try {
      for (const ask of Object.values(submissions)) {
        expect(await refusalOf(await request(ask()))).toEqual([503, 'storage_full']);
      }
      expect((await api.request('/health/ready')).status).toBe(200);
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
  });

  async function saved(status: 'ok' | 'err'): Promise<void> {
    await eventually(async () => {
      const info = await redis.info('persistence');
      expect(info).toMatch(new RegExp(`rdb_last_bgsave_status:${status}\r`));
      expect(info).toContain('rdb_bgsave_in_progress:0\r');
    });
  }
});
