/** `npm start` as a person meets it: a process at a terminal, and what it leaves behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';
import { freePort } from '../support/redis-server.js';
import { eventually } from '../support/service-process.js';
import { testModel, testModelEnvironment } from '../support/test-model.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Started {
  readonly pid: number;
  /** Everything it has written so far. */
  output(): string;
  says(text: string | RegExp, timeout?: number): Promise<void>;
  /** Exit code, or the signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

interface Models {
  readonly default: string;
  readonly models: readonly { readonly name: string; readonly workers: readonly unknown[] }[];
}

let dataDir: string;
let running: Started[];

/** As `npm start` does it; `npm` itself only where the test is about npm, as it takes a second each time. */
function start(env: Readonly<Record<string, string>>, command = ['node', 'scripts/start.mjs']): Started {
  const [program = 'node', ...args] = command;
  const child = spawn(program, args, {
    cwd: root,
    // A group of its own, as a shell gives it: a Ctrl-C goes to that group.
    detached: true,
    env: {
      ...{ PATH: process.env['PATH'], HOME: process.env['HOME'] },
      ...testModelEnvironment,
      ...{ MODELS_DIR: join(testModelEnvironment['DATA_DIR'] ?? '', 'models'), DATA_DIR: dataDir },
      ...{ METRICS_PORT: '0', NO_COLOR: '1' },
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  let over = false;
  const ended = (once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>).then(([code, signal]) => {
    over = true;
    return code ?? signal;
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} could not be started`);
  const started: Started = {
    pid,
    output: () => output,
    says: (text, timeout = 240_000) =>
      eventually(() => {
        if (typeof text === 'string' ? output.includes(text) : text.test(output)) return;
        if (!over) throw new Error(`not said yet: ${String(text)}\n${output}`);
        expect.fail(`ended without saying ${String(text)}:\n${output}`);
      }, timeout),
    ended,
  };
  running.push(started);
  return started;
}

/** To all of the foreground group, as a terminal sends it. */
const pressCtrlC = ({ pid }: Started): void => {
  process.kill(-pid, 'SIGINT');
};

/** Command lines of living processes that mention `text`. */
async function processesOf(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const [command, environment] = await Promise.all(
      ['cmdline', 'environ'].map((file) => readFile(`/proc/${entry}/${file}`, 'utf8').catch(() => '')),
    );
    if (`${command ?? ''}\0${environment ?? ''}`.includes(text)) found.push((command ?? '').replaceAll('\0', ' '));
  }
  return found;
}

beforeEach(async () => {
  running = [];
  dataDir = await mkdtemp(join(tmpdir(), 'quintet-start-'));
});

afterEach(async () => {
  for (const { pid, ended } of running) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended, as it should.
    }
    await ended;
  }
  // Services whose start.mjs was killed end by themselves.
  if (existsSync('/proc'))
    await eventually(async () => {
      expect(await processesOf(dataDir)).toEqual([]);
    });
  await rm(dataDir, { recursive: true, force: true });
});

/** All of 127.0.0.0/8 is this machine, and only what listens everywhere listens at this one of it; other systems have one address. */
const hasSecondAddress = process.platform === 'linux';
const elsewhere = (port: number): Promise<number> =>
  fetch(`http://127.0.0.2:${port}/health/ready`).then(({ status }) => status);

describe('npm start', () => {
  it('becomes ready, classifies, and ends with 0 at Ctrl-C, leaving no process', { timeout: 300_000 }, async () => {
    const port = await freePort();
    const npm = start({ PORT: String(port) }, ['npm', 'start']);
    // Whoever gets an answer of the API can have a picture classified.
    const early = eventually(async () => (await fetch(`http://127.0.0.1:${port}/health/ready`)).json(), 240_000);
    expect(await early).toEqual({ status: 'ready', reasons: [] });
    const models = (await (await fetch(`http://127.0.0.1:${port}/v1/models`)).json()) as Models;
    expect(models.models.find(({ name }) => name === models.default)?.workers).toHaveLength(1);
    await npm.says(`Quintet is ready: http://localhost:${port}`);
    expect(npm.output()).toContain('this machine only. For others: HOST=0.0.0.0 npm start');
    if (hasSecondAddress) await expect(elsewhere(port)).rejects.toThrow();

    const image = await makeImage({ format: 'jpeg', width: 320, height: 240 });
    const response = await fetch(`http://127.0.0.1:${port}/v1/jobs`, {
      method: 'POST',
      headers: { 'Content-Type': 'image/jpeg', Prefer: 'wait=10' },
      body: image,
    });
    expect(response.status).toBe(200);
    const job = (await response.json()) as { status: string; model: { name: string }; predictions: unknown[] };
    expect(job).toMatchObject({ status: 'succeeded', model: { name: testModel } });
    expect(job.predictions).toHaveLength(5);

    const secret = await stat(join(dataDir, 'webhook-secret'));
    expect(secret.mode & 0o777).toBe(0o600);
    pressCtrlC(npm);
    expect(await npm.ended, npm.output()).toBe(0);
    expect(npm.output()).toMatch(/Stopped/);
    if (existsSync('/proc')) expect(await processesOf(dataDir)).toEqual([]);
  });

  it('restarts a service that dies, and refuses a second start on the same data', { timeout: 300_000 }, async () => {
    const port = await freePort();
    const first = start({ PORT: String(port), HOST: '0.0.0.0' });
    await first.says('Quintet is ready');
    expect(first.output()).toContain('other machines reach it; without API_KEYS they may do everything');
    if (hasSecondAddress) expect(await elsewhere(port)).toBe(200);
    const log = async (): Promise<{ pid: number }[]> =>
      (await readFile(join(dataDir, 'logs', 'worker.log'), 'utf8'))
        .split('\n')
        .filter((line) => line.includes('"listening"'))
        .map((line) => JSON.parse(line) as { pid: number });
    const [before] = await log();
    if (before === undefined) throw new Error('the worker has logged nothing');
    process.kill(before.pid, 'SIGKILL');
    await first.says('worker was ended by SIGKILL; starting it again in 1 s');
    await eventually(async () => {
      expect(await log()).toHaveLength(2);
    });

    const second = start({ PORT: String(await freePort()) });
    expect(await second.ended).toBe(1);
    expect(second.output()).toMatch(/already runs on .*process \d+.*\n.*DATA_DIR=/);

    process.kill(first.pid, 'SIGTERM');
    expect(await first.ended).toBe(0);
  });

  it(
    'takes its services with it when it is killed at work, and starts again after it',
    { timeout: 300_000 },
    async () => {
      const port = await freePort();
      const image = await makeImage({ format: 'jpeg', width: 320, height: 240 });
      for (let round = 0; round < 2; round += 1) {
        const killed = start({ PORT: String(port) });
        await killed.says('Quintet is ready');
        const jobs = Array.from({ length: 40 }, () =>
          fetch(`http://127.0.0.1:${port}/v1/jobs`, {
            method: 'POST',
            headers: { 'Content-Type': 'image/jpeg', 'Cache-Control': 'no-cache' },
            body: image,
          }).catch(() => undefined),
        );
        await killed.says('job succeeded');
        process.kill(killed.pid, 'SIGKILL');
        await Promise.all(jobs);
        if (existsSync('/proc'))
          await eventually(async () => {
            expect(await processesOf(dataDir)).toEqual([]);
          });
      }
      const again = start({ PORT: String(port) });
      await again.says('with the data of the last run');
      await again.says('Quintet is ready');
      pressCtrlC(again);
      expect(await again.ended).toBe(0);
    },
  );

  it('is killed before its services listen: they end all the same', { timeout: 300_000 }, async () => {
    const killed = start({ PORT: '0' });
    await killed.says('Services: starting');
    process.kill(killed.pid, 'SIGKILL');
    // The hook below looks for what it left.
    expect(await killed.ended).toBe('SIGKILL');
  });

  it(
    'says at once which service died before it was ready, stops the others, and ends with 1',
    {
      timeout: 300_000,
    },
    async () => {
      // It measures, in a process of its own, for some 20 s before it is ready.
      const started = start({ PORT: '0', PROFILE: 'fresh' });
      await started.says('finding the best settings for this machine');
      const [first = ''] = (await readFile(join(dataDir, 'logs', 'worker.log'), 'utf8')).split('\n');
      process.kill((JSON.parse(first) as { pid: number }).pid, 'SIGKILL');
      // It used to ask the dead one for five minutes.
      expect(await started.ended, started.output()).toBe(1);
      expect(started.output()).toMatch(
        /^ {2}.*finding the best settings.*\nworker was ended by SIGKILL before it was ready\.\nAll of its log: /m,
      );
      expect(started.output()).not.toContain('Napi::Error');
      if (existsSync('/proc')) expect(await processesOf(dataDir)).toEqual([]);
    },
  );

  it('names the variable when the port is taken, before it starts anything', { timeout: 300_000 }, async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const refused = start({ PORT: String(port) });
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toMatch(new RegExp(`PORT=${port} is taken.*\n.*PORT=\\d+ npm start`));
    expect(await readdir(join(dataDir))).toEqual(['logs']);
    other.close();
  });

  it('names every bad variable, its value and what is allowed', { timeout: 300_000 }, async () => {
    const refused = start({ PORT: '0', LOG_LEVEL: 'loud', WORKERS: 'many' });
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toContain('LOG_LEVEL="loud" is not allowed; expected one of trace, debug, info');
    expect(refused.output()).toContain('WORKERS="many" is not allowed; expected a whole number from 1 to 64');
    expect(refused.output()).not.toMatch(/^\s+at /m);
    expect(await readdir(dataDir)).toEqual([]);
  });

  it('says which Redis does not answer, before it installs anything', { timeout: 300_000 }, async () => {
    const port = await freePort();
    const clone = join(dataDir, 'clone');
    await cp(join(root, 'scripts'), join(clone, 'scripts'), { recursive: true });
    await cp(join(root, 'package.json'), join(clone, 'package.json'));
    const script = join(clone, 'scripts', 'start.mjs');
    const refused = start({ PORT: '0', REDIS_URL: `redis://:s3cret@127.0.0.1:${port}` }, ['node', script]);
    expect(await refused.ended).toBe(1);
    expect((await readdir(clone)).sort()).toEqual(['package.json', 'scripts']);
    expect(refused.output()).toMatch(
      /REDIS_URL names does not answer: redis:\/\/127\.0\.0\.1:\d+ \(connect ECONNREFUSED/,
    );
    expect(refused.output()).not.toContain('s3cret');
  });

  it('ends with 1 where the model that was named does not exist', { timeout: 300_000 }, async () => {
    const refused = start({ PORT: '0', MODEL: 'nothing' });
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toContain('There is no model nothing. The catalogue has resnet50');
  });
});
