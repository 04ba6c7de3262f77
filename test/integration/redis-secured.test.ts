/** All services with a Redis that asks for a password, and with one that speaks TLS under a private authority. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { startRedis, type SecuredRedis } from '../support/redis-server.js';
import { eventually, startService, type ServiceProcess } from '../support/service-process.js';
import { suiteOrSkip } from '../support/suite-or-skip.js';
import { testModel, testModelEnvironment } from '../support/test-model.js';
import { jobOf, problemOf } from './api-harness.js';

const password = 'p@ss:w0rd/of#redis';
const encoded = encodeURIComponent(password);
const withPassword: SecuredRedis = {
  settings: () => ['--requirepass', password],
  url: (port) => `redis://:${encoded}@127.0.0.1:${port}`,
};

let folder: string;
let image: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quintet-tls-'));
  image = await makeImage({ format: 'jpeg', width: 64, height: 48 });
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

const submit = (api: ServiceProcess): Promise<Response> =>
  api.request('/v1/jobs', {
    method: 'POST',
    body: new Uint8Array(image),
    headers: { 'Content-Type': 'image/jpeg', Prefer: 'wait=20' },
  });

const logOf = (...services: ServiceProcess[]): string => JSON.stringify(services.map(({ lines }) => lines));

/** Runs a job through all services with this environment, and returns all that they logged. */
async function runJob(environment: Record<string, string>): Promise<string> {
  const common = { ...environment, LOG_LEVEL: 'trace', DEFAULT_MODEL: testModel, ...testModelEnvironment };
  const services = await Promise.all(
    (['api', 'worker', 'webhooks'] as const).map((service) => startService(service, common)),
  );
  await Promise.all(services.map((service) => service.ready()));
  const [api] = services;
  const job = await jobOf(await submit(api as ServiceProcess));
  expect([job.status, job.predictions?.length]).toEqual(['succeeded', 5]);
  expect(await Promise.all(services.map((service) => service.end()))).toEqual([0, 0, 0]);
  return logOf(...services);
}

describe('a Redis with a password', () => {
  it('serves who has it, and it is never written down', async () => {
    const server = await startRedis(withPassword);
    const log = await runJob({ REDIS_URL: server.url });
    for (const secret of [password, encoded]) expect(log.includes(secret)).toBe(false);
    await server.stop();
  });

  it('is out of reach for who has none or a wrong one, which says so without telling it', async () => {
    const server = await startRedis(withPassword);
    const wrong = 'wr0ng-password';
    for (const REDIS_URL of [`redis://127.0.0.1:${server.port}`, `redis://:${wrong}@127.0.0.1:${server.port}`]) {
      const api = await startService('api', { REDIS_URL, LOG_LEVEL: 'trace' });
      await eventually(async () => {
        const health = await api.request('/health/ready');
        const reasons = await health.text();
        expect([health.status, reasons.includes('Redis cannot be reached')]).toEqual([503, true]);
        expect(reasons).not.toContain(wrong);
      });
      const refused = await submit(api);
      expect([refused.status, (await problemOf(refused)).code]).toEqual([503, 'redis_unavailable']);
      expect(await api.end()).toBe(0);
      expect(logOf(api)).not.toContain(wrong);
    }
    await server.stop();
  });
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** An authority of our own and the certificate of a server, made by openssl; `path` of a file of theirs. */
function makeCertificates(): (name: string) => string {
  const path = (name: string): string => join(folder, name);
  const openssl = (...options: string[]): void => {
    execFileSync('openssl', options, { stdio: 'pipe', cwd: folder });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const ca = ['-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Quintet test authority'];
  openssl('req', ...ca);
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=CA:FALSE'];
  const signed = ['-x509', '-CA', 'ca.pem', '-CAkey', 'ca.key', ...key, '-keyout', 'redis.key', '-out', 'redis.pem'];
  openssl('req', ...signed, ...names, '-subj', '/CN=redis');
  return path;
}

suiteOrSkip(hasOpenssl ? undefined : 'there is no openssl', 'a Redis with TLS', () => {
  it('serves who trusts its authority, and nobody else', async () => {
    const path = makeCertificates();
    const server = await startRedis({
      settings: (port) => [
        ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
        ...['--tls-cert-file', path('redis.pem'), '--tls-key-file', path('redis.key')],
        ...['--tls-ca-cert-file', path('ca.pem'), '--requirepass', password],
      ],
      url: (port) => `rediss://:${encoded}@127.0.0.1:${port}`,
      options: { tls: { ca: readFileSync(path('ca.pem'), 'utf8') } },
    });
    const log = await runJob({ REDIS_URL: server.url, REDIS_CA_FILE: path('ca.pem') });
    expect(log.includes(encoded) || log.includes(password)).toBe(false);

    const distrustful = await startService('api', { REDIS_URL: server.url });
    const warned = await distrustful.logged('Redis connection failed; reconnecting');
    expect(JSON.stringify(warned)).toMatch(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED|certificate/i);
    expect((await distrustful.request('/health/ready')).status).toBe(503);
    expect(await distrustful.end()).toBe(0);

    // In clear text beside a certificate: a mistake that must not go unnoticed.
    const clear = { REDIS_URL: server.url.replace('rediss', 'redis'), REDIS_CA_FILE: path('ca.pem') };
    await expect(startService('api', clear)).rejects.toThrow('REDIS_URL does not begin with rediss://');
    await server.stop();
  });
});
