/**
 * The stack as a user runs it where no hub is in reach: images built, two workers, the model that is in them, a worker killed under
 * load. The tests build on one another in this order; each leaves the stack to the next.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isFinal, type Job } from '@quintet/shared';
import { GenericContainer, Network, Wait } from 'testcontainers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { suiteOrSkip } from '../support/suite-or-skip.js';
import { queriesOf, readDashboard } from './dashboard.js';
import { ensureDocker, reasonToSkip } from './docker.js';
import { inParallel, poll, readJob, readPictures, submit } from './load.js';
import { instantQuery, upTargets } from './prometheus.js';
import { startStack, type Stack } from './stack.js';

const bundled = 'efficientnet-lite0';

const services = ['api', 'worker', 'webhooks'] as const;
const redisImage = 'redis:7-bookworm';
const megabytes = 1_000_000;

/** Panels that must show something after some jobs; the others need failures, webhooks or a time that passed. */
const corePanels = [
  'Jobs ended', 'p95, acceptance to result', 'Jobs in queues', 'Workers', 'Targets down', 'Requests by route', 'Images in',
  'HTTP', 'Job, acceptance to result', 'Phases, p95', 'Phases, mean', 'Queue depth', 'Batch size', 'Jobs held by workers',
  'Ended jobs by outcome and code', 'Jobs ended by worker', 'Event loop lag, p99', 'CPU', 'Memory', 'JavaScript heap', 'Builds',
]; // prettier-ignore

suiteOrSkip(reasonToSkip(), 'docker compose', () => {
  let stack: Stack;
  let stopDocker: (() => void) | undefined;
  const accepted: string[] = [];

  beforeAll(async () => {
    stopDocker = ensureDocker();
    stack = await startStack({
      workers: 2,
      environment: { WORKER_CPUS: '1' },
      healthyMs: 240_000,
    });
  }, 900_000);

  afterAll(async () => {
    try {
      await (stack as Stack | undefined)?.down();
    } finally {
      stopDocker?.();
    }
  }, 120_000);

  it.each(services)('builds an image of %s that is small and walled in', async (service) => {
    for (const { Id, Image, HostConfig } of await stack.containers(service)) {
      const image = await stack.docker.getImage(Image).inspect();
      expect(image.Size).toBeLessThan(600 * megabytes);
      expect(image.Config.User).toBe('node');
      expect(HostConfig.ReadonlyRootfs).toBe(true);
      expect(HostConfig.CapDrop).toEqual(['ALL']);
      const tried = await run(stack, Id, [
        'sh',
        '-c',
        'id -u; touch /app/x || echo refused; touch /tmp/x && echo kept',
      ]);
      expect(tried).toMatch(/^1000$/m);
      expect(tried).toMatch(/^refused$/m);
      expect(tried).toMatch(/^kept$/m);
    }
  });

  it('leaves ONNX Runtime out of the API, and other platforms out of the worker', async () => {
    const find = 'find / -name "libonnxruntime*" -o -name "onnxruntime.dll" 2>/dev/null || true';
    const [api] = await stack.containers('api');
    const [worker] = await stack.containers('worker');
    expect(await run(stack, api?.Id ?? '', ['sh', '-c', find])).not.toContain('onnxruntime');
    const libraries = (await run(stack, worker?.Id ?? '', ['sh', '-c', find])).trim().split('\n');
    expect(libraries.length).toBeGreaterThan(0);
    for (const library of libraries) expect(library).toContain(`/${process.platform}/${process.arch}/`);
  });

  it('serves the model of its image where no hub can be reached, and says why', async () => {
    const workers = await stack.containers('worker');
    const logs = await Promise.all(workers.map(({ Id }) => stack.logs(Id)));
    for (const log of logs) expect(log).toMatch(/serving efficientnet-lite0: resnet50 and resnet50-zoo cannot be had/);
    // The workers share a volume: one of them puts the model there.
    expect(logs.join('\n').match(/efficientnet-lite0 is in place/g)).toHaveLength(1);
    const answer = await fetch(`${stack.api}/v1/models`);
    expect(await answer.json()).toMatchObject({ default: bundled });
  });

  it('names every picture rightly, on both workers', async () => {
    const pictures = await readPictures();
    const eightTimes = Array.from({ length: 8 }, () => pictures).flat();
    const jobs = await inParallel(eightTimes, 24, (picture) => submit(stack.api, picture, 60));
    accepted.push(...jobs.map(({ id }) => id));
    const found = jobs.map(({ status, predictions }, index) => {
      return [eightTimes[index]?.file, status, predictions?.[0]?.wnid];
    });
    expect(found).toEqual(eightTimes.map(({ file, wnid }) => [file, 'succeeded', wnid]));
    expect(new Set(jobs.map(({ worker }) => worker)).size).toBe(2);
    for (const job of jobs) expect(job.model).toMatchObject({ name: bundled, weights: 'pretrained' });
  }, 120_000);

  it('shows every replica and every job in Prometheus', async () => {
    const expected = { api: 1, worker: 2, webhooks: 1 };
    const up = await poll(
      () => upTargets(stack.prometheus),
      (targets) => JSON.stringify(targets) === JSON.stringify({ ...targets, ...expected }),
      { timeoutMs: 60_000 },
    );
    expect(up).toEqual(expected);
    const total = await poll(
      () => instantQuery(stack.prometheus, 'sum(quintet_jobs_total)'),
      ([sample]) => sample?.value === accepted.length,
      { timeoutMs: 30_000 },
    );
    expect(total.map(({ value }) => value)).toEqual([accepted.length]);
    const byWorker = await instantQuery(stack.prometheus, 'sum by (instance) (quintet_jobs_total)');
    expect(byWorker.filter(({ value }) => value > 0)).toHaveLength(2);
  }, 120_000);

  it('answers every query of the Grafana dashboard', async () => {
    const [picture] = await readPictures();
    if (picture === undefined) throw new Error('no pictures');
    for (const { panel, expression } of queriesOf(readDashboard())) {
      const answer = await poll(
        async () => {
          // Rates need jobs between two scrapes.
          accepted.push((await submit(stack.api, picture, 60)).id);
          return instantQuery(stack.prometheus, expression);
        },
        (samples) => samples.length > 0 || !corePanels.includes(panel),
        { timeoutMs: 40_000, everyMs: 1000 },
      );
      if (corePanels.includes(panel)) expect(answer.length, `${panel}: ${expression}`).toBeGreaterThan(0);
    }
  }, 180_000);

  it('finishes every accepted job although a worker is killed under load', async () => {
    const pictures = await readPictures();
    const load = Array.from({ length: 400 }, (_, index) => pictures[index % pictures.length]).filter(
      (each) => each !== undefined,
    );
    const [victim, survivor] = await stack.containers('worker');
    if (victim === undefined || survivor === undefined) throw new Error('two workers were running');
    const ids: string[] = [];
    let killed: Promise<unknown> | undefined;
    await inParallel(load, 32, async (picture) => {
      ids.push((await submit(stack.api, picture)).id);
      if (ids.length >= load.length / 2) killed ??= stack.docker.getContainer(victim.Id).kill();
    });
    await killed;
    const first = await inParallel(ids, 16, (id) => readJob(stack.api, id));
    expect(
      first.filter(({ status }) => !isFinal(status)).length,
      'jobs were left when the worker died',
    ).toBeGreaterThan(0);

    const jobs = await inParallel(ids, 16, (id) =>
      poll(() => readJob(stack.api, id), ({ status }) => isFinal(status), { timeoutMs: 150_000 }),
    ); // prettier-ignore
    expect(countByStatus(jobs)).toEqual({ succeeded: load.length });
    const workers = new Set(jobs.map(({ worker }) => worker));
    expect(workers.size, 'both had finished some').toBe(2);
    const { State } = await stack.docker.getContainer(victim.Id).inspect();
    expect(State.Running).toBe(false);
  }, 300_000);

  it('ends with exit code 0 when it is told to stop', async () => {
    const running = (await Promise.all(services.map((service) => stack.containers(service))))
      .flat()
      .filter(({ State }) => State.Running);
    expect(running).toHaveLength(3);
    const codes = await Promise.all(
      running.map(async ({ Id, Name }) => {
        await stack.docker.getContainer(Id).stop({ t: 35 });
        return [Name, (await stack.docker.getContainer(Id).inspect()).State.ExitCode];
      }),
    );
    expect(codes).toEqual(running.map(({ Name }) => [Name, 0]));
  }, 60_000);

  it('is not ready on a Redis that evicts, and says why', async () => {
    const [api] = await stack.containers('api');
    const network = await new Network().start();
    const redis = await new GenericContainer(redisImage)
      .withNetwork(network)
      .withNetworkAliases('evicting')
      .withCommand(['redis-server', '--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'])
      .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
      .start();
    const started = await new GenericContainer(api?.Image ?? '')
      .withNetwork(network)
      .withEnvironment({ REDIS_URL: 'redis://evicting:6379' })
      .withExposedPorts(3000)
      .withWaitStrategy(Wait.forHttp('/health/live', 3000))
      .start();
    try {
      const url = `http://${started.getHost()}:${started.getMappedPort(3000)}/health/ready`;
      const answer = await fetch(url);
      expect(answer.status).toBe(503);
      expect(await answer.text()).toMatch(/allkeys-lru.*noeviction/);
    } finally {
      await started.stop();
      await redis.stop();
      await network.stop();
    }
  }, 120_000);
});

function countByStatus(jobs: readonly Job[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of jobs) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** Runs a command in a container and returns what it wrote. */
async function run(stack: Stack, id: string, command: string[]): Promise<string> {
  const exec = await stack.docker
    .getContainer(id)
    .exec({ Cmd: command, AttachStdout: true, AttachStderr: true, Tty: true });
  const stream = await exec.start({ Tty: true });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
  while ((await exec.inspect()).Running) await sleep(50);
  return Buffer.concat(chunks).toString('utf8').replaceAll('\r', '');
}
