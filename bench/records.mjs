/**
 * What Redis keeps of a job that has ended, for RESULT_TTL_SECONDS: MEMORY USAGE of every key that a submission left behind, for
 * a plain one, for one with what clients usually add, and for the largest that is allowed. Each answer is kept for others, too
 * (RESULT_CACHE_TTL_SECONDS), where another picture is posted each time.
 *
 * Left out: the picture, which goes when its job ends, and BullMQ's entries, of which it keeps the last thousand.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { importBuilt, root } from '../scripts/lib/project.mjs';
import { startBenchQuintet } from './lib/quintet-process.mjs';
import { startBenchRedis } from './lib/redis.mjs';

export const summary = 'bytes that Redis keeps of a job that has ended, usual and at most';
export const options = {
  model: { type: /** @type {const} */ ('string'), default: 'resnet50-demo', hint: 'NAME' },
  jobs: { type: /** @type {const} */ ('string'), default: '20', hint: 'N of each kind' },
};

/** As large as metadata may be: 16 entries, 8192 bytes as JSON. */
const mostMetadata = () =>
  Object.fromEntries(
    Array.from({ length: 16 }, (_, i) => [`key-${i}`, randomBytes(250).toString('hex').slice(0, 499)]),
  );

/** @param {string} url @param {number} length */
const padded = (url, length) => `${url}?token=`.padEnd(length, 'x');

/** Where the keys of what belong in the table. */
const columns = /** @type {const} */ ({
  record: /:job:/,
  answer: /:result:/,
  delivery: /:deliver/,
  idempotency: /:idempotency:/,
});

/** @param {{ values: Record<string, string>, say: (text: string) => void }} context */
export async function run({ values, say }) {
  const jobs = Number(values.jobs);
  const redis = await startBenchRedis();
  const receiver = createServer((request, response) => {
    request.resume();
    response.statusCode = request.url?.startsWith('/fails') === true ? 500 : 204;
    response.end();
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (receiver.address());
  const hook = `http://127.0.0.1:${port}`;
  const quintet = await startBenchQuintet(values.model, {
    REDIS_URL: redis.url,
    RESULT_CACHE_TTL_SECONDS: '86400',
    ALLOW_PRIVATE_HOSTS: 'true',
    WEBHOOK_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
  });
  const { Redis } = createRequire(join(root, 'packages/shared/package.json'))('ioredis');
  const sharp = createRequire(join(root, 'services/worker/package.json'))('sharp');
  const client = new Redis(redis.url);
  const kinds = {
    plain: { form: {} },
    'with metadata and a webhook': {
      form: { metadata: { camera: 'north-entrance', order: 'A-2026-0007' }, webhook_url: `${hook}/hooks/quintet` },
    },
    explained: { form: { explain: true } },
    'top_k 20': { form: { top_k: 20 } },
    'the largest': {
      form: { metadata: mostMetadata(), webhook_url: padded(`${hook}/hook`, 2048), top_k: 20, explain: true },
      headers: { 'idempotency-key': true },
    },
    'the largest, its webhook failing': {
      form: { metadata: mostMetadata(), webhook_url: padded(`${hook}/fails`, 2048), top_k: 20, explain: true },
      headers: { 'idempotency-key': true },
    },
  };
  const rows = [];
  /** @type {number} */
  let list;
  try {
    for (const [name, { form, headers = {} }] of Object.entries(kinds)) {
      const before = new Set(await keysOf(client));
      for (let job = 0; job < jobs; job += 1) {
        const noise = { type: /** @type {const} */ ('gaussian'), mean: 128, sigma: 40 };
        const image = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#808080', noise } })
          .jpeg()
          .toBuffer();
        const body = new FormData();
        for (const [field, value] of Object.entries(form)) {
          body.set(field, typeof value === 'object' ? JSON.stringify(value) : String(value));
        }
        body.set('image', new Blob([image]), 'picture.jpg');
        const response = await fetch(`${quintet.url}/v1/jobs`, {
          method: 'POST',
          body,
          headers: {
            ...quintet.headers,
            ...(headers['idempotency-key'] ? { 'idempotency-key': randomBytes(16).toString('hex') } : {}),
          },
        });
        const answer = await response.json();
        if (answer.status !== 'succeeded') throw new Error(`${name}: ${response.status} ${JSON.stringify(answer)}`);
      }
      await deliveriesTried(client, 'webhook_url' in form ? jobs : 0, before);
      const left = (await keysOf(client)).filter((key) => !before.has(key));
      const sums = Object.fromEntries(Object.keys(columns).map((column) => [column, 0]));
      for (const key of left) {
        const column = Object.entries(columns).find(([, pattern]) => pattern.test(key))?.[0];
        if (column !== undefined) sums[column] += (await client.memory('USAGE', key, 'SAMPLES', 0)) ?? 0;
      }
      const each = Object.values(sums).map((sum) => Math.round(sum / jobs));
      rows.push([name, ...each, each.reduce((sum, bytes) => sum + bytes, 0)]);
      say(`${name}: ${rows.at(-1)?.at(-1)} bytes`);
    }
    list = await listBytes(client);
    say(`in the list of its client's jobs: ${list} bytes`);
  } finally {
    client.disconnect();
    receiver.close();
    await quintet.stop();
    await redis.stop();
  }
  return {
    settings: { model: values.model, jobs },
    tables: [
      { title: 'Bytes that Redis keeps of a job', columns: ['job', ...Object.keys(columns), 'together'], rows },
      { title: "Bytes of a job in the list of its client's", columns: ['jobs listed', 'each'], rows: [[listed, list]] },
    ],
  };
}

const listed = 10_000;

/** Of each of `listed` jobs that the service's own store lists. @param {any} client */
async function listBytes(client) {
  const shared = await importBuilt('packages/shared/dist/index.js');
  const store = new shared.JobStore(client);
  const created_at = new Date().toISOString();
  for (let job = 0; job < listed; job += 100) {
    const ids = Array.from({ length: 100 }, () => randomUUID());
    await Promise.all(
      ids.map((id) => store.create({ id, model: { name: 'm' }, created_at, metadata: {}, owner: 'o' }, undefined, 600)),
    );
  }
  const bytes = (await client.memory('USAGE', shared.keys.jobs('o'), 'SAMPLES', 0)) ?? 0;
  return Math.round(bytes / listed);
}

/** @param {any} client @returns {Promise<string[]>} */
async function keysOf(client) {
  const keys = /** @type {string[]} */ (await client.keys('{quintet}:*'));
  return keys.filter((key) => !key.includes(':ended:'));
}

/** Every delivery has been tried once. @param {any} client @param {number} count @param {ReadonlySet<string>} before */
async function deliveriesTried(client, count, before) {
  for (let tries = 0; tries < 600; tries += 1) {
    const tried = (await keysOf(client)).filter((key) => /:delivery:.+:attempts$/.test(key) && !before.has(key));
    if (tried.length >= count) return;
    await delay(100);
  }
  throw new Error('the webhooks are not called');
}
