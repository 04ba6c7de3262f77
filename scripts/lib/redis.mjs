/**
 * The Redis of `npm start`: the one REDIS_URL names, or one of its own below DATA_DIR/redis on a free port.
 *
 * Its own runs in a process group of its own, so that Ctrl-C cannot stop it before the services that drain into it. Where
 * `npm start` is killed and cannot stop it, a guard (a shell that waits for the end of its stdin) does; where the guard
 * was killed too, the next `npm start` finds the pid file and stops the leftover: two servers on one append-only file
 * would destroy it.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './ports.mjs';
import { readPid, runs, waitUntilGone } from './process-info.mjs';
import { importBuilt } from './project.mjs';
import { whyUnreachable } from './redis-probe.mjs';
import { StepError, step } from './report.mjs';
import { guard } from './run-command.mjs';

const HOST = '127.0.0.1';
const SERVER = /redis-server|valkey-server|redis-check-rdb/;

/**
 * Arguments of a Redis that is fit for BullMQ: everything is written, nothing is evicted.
 * @param {{ port: number, directory: string }} options
 */
function redisArguments({ port, directory }) {
  // prettier-ignore
  return ['--port', String(port), '--bind', HOST, '--dir', directory, '--pidfile', pidFile(directory),
    '--appendonly', 'yes', '--appendfsync', 'everysec', '--save', '', '--maxmemory-policy', 'noeviction'];
}

/** @param {string} directory */
const pidFile = (directory) => join(directory, 'redis.pid');

/**
 * What the supervisor needs to run Redis, after a leftover of an earlier run was stopped.
 * @param {{ binary: string, dataDir: string }} options
 */
export async function prepareRedis({ binary, dataDir }) {
  const directory = join(dataDir, 'redis');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  await stopLeftover(directory);
  const kept =
    existsSync(join(directory, 'appendonlydir')) || readdirSync(directory).some((file) => file.endsWith('.aof'));
  const port = await freePort(HOST);
  return {
    url: `redis://${HOST}:${port}`,
    command: binary,
    args: redisArguments({ port, directory }),
    summary: `${kept ? 'with the data of the last run' : 'new and empty'}, port ${port}, data in ${directory}`,
    guard: (/** @type {number} */ pid) => guardRedis(directory, pid),
  };
}

/** @param {string} directory */
async function stopLeftover(directory) {
  const pid = readPid(pidFile(directory));
  if (pid === undefined) return;
  if (runs(pid, SERVER)) {
    step(`Redis: an earlier run left one behind (process ${pid}); stopping it`);
    process.kill(pid, 'SIGTERM');
    if (!(await waitUntilGone(pid, 10_000))) {
      throw new StepError(
        `A Redis of an earlier run still holds ${directory} (process ${pid}).`,
        `Stop it with \`kill ${pid}\` and run the same command again.`,
      );
    }
  }
  rmSync(pidFile(directory), { force: true });
}

/** Stops Redis when this process is gone without having done so. Returns what ends the guard. @param {string} directory @param {number} pid */
function guardRedis(directory, pid) {
  // A second's grace: the services end first, each by itself (exit-with-parent.mjs). More than once: a Redis that has just been
  // started has not written its number yet.
  const script = 'for _ in 1 2 3 4 5; do sleep 1; [ "$(cat "$1" 2>/dev/null)" = "$2" ] && kill "$2" && exit; done';
  return guard(script, [pidFile(directory), String(pid)]);
}

/**
 * Waits until Redis answers and has loaded its data. Throws the last reason after `ms`, or the one of `signal`.
 * @param {string} url
 * @param {number} ms
 * @param {AbortSignal} [signal]
 */
export async function waitForRedis(url, ms, signal) {
  const { Redis } = await import('ioredis');
  const { redisTls, redisUnfit } = await importBuilt('packages/shared/dist/index.js');
  const caFile = process.env['REDIS_CA_FILE']?.trim() || undefined;
  const limit = performance.now() + ms;
  for (;;) {
    const redis = new Redis(url, {
      ...redisTls({ REDIS_URL: url, REDIS_CA_FILE: caFile }),
      lazyConnect: true,
      retryStrategy: null,
      connectTimeout: 3000,
      commandTimeout: 3000,
    });
    /** @type {unknown} why the connection closed: what connect() rejects with does not say it */
    let cause;
    redis.on('error', (error) => (cause = error));
    try {
      await redis.connect();
      await redis.ping();
      const unfit = await redisUnfit(redis);
      if (unfit === undefined) return;
      throw new StepError(
        `Redis cannot be used: ${unfit}.`,
        unfit.startsWith('maxmemory-policy')
          ? 'Run `redis-cli config set maxmemory-policy noeviction` there, and try again.'
          : 'Let it write, and try again; docs/troubleshooting.md says what may be in its way.',
      );
    } catch (error) {
      if (error instanceof StepError || error instanceof TypeError) throw error;
      if (performance.now() > limit) throw cause ?? error;
    } finally {
      redis.disconnect();
    }
    await delay(50, undefined, { signal });
  }
}

/**
 * Throws at once where nothing listens at the user's REDIS_URL: asked without a library, before anything is installed.
 * @param {string} url
 */
export async function requireExternalRedis(url) {
  const reason = await whyUnreachable(url);
  if (reason !== undefined) throw silent(url, reason);
}

/** @param {string} url the user's REDIS_URL @param {AbortSignal} [signal] */
export async function checkExternalRedis(url, signal) {
  try {
    await waitForRedis(url, 0, signal);
  } catch (error) {
    if (error instanceof StepError || signal?.aborted) throw error;
    throw silent(url, error instanceof Error ? error.message : String(error));
  }
  step(`Redis: ${withoutPassword(url)} answers`);
}

/** @param {string} url @param {string} reason */
const silent = (url, reason) =>
  new StepError(
    `The Redis that REDIS_URL names does not answer: ${withoutPassword(url)} (${reason}).`,
    'Start it or correct REDIS_URL; without REDIS_URL, npm start runs a Redis of its own.',
  );

/** @param {string} url a URL */
function withoutPassword(url) {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
