/**
 * `npm start`: dependencies → build → settings checked → Redis → model → services → ready → Ctrl-C → drained.
 *
 * Exit codes: 0 after Ctrl-C, SIGTERM or a closed terminal; 1 where it could not start; 130 after a second Ctrl-C.
 */
import { join, resolve } from 'node:path';
import { build } from './build.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { Fleet } from './fleet.mjs';
import { lockDataDir } from './instance-lock.mjs';
import { listenForInterrupts } from './interrupt.mjs';
import { prepareModel } from './model.mjs';
import { freePort, portNear, tryPort } from './ports.mjs';
import { dataDirOf, root } from './project.mjs';
import { checkExternalRedis, prepareRedis, waitForRedis } from './redis.mjs';
import { findRedisBinary } from './redis-binary.mjs';
import { StepError, bold, seconds, step, tellFailure, warn } from './report.mjs';
import { webhookSecret } from './secret.mjs';
import { readSettings, workerEnvironment } from './settings.mjs';

/** Runs until it is interrupted. @returns {Promise<number>} the exit code */
export async function launch() {
  const began = performance.now();
  // Where nobody reads any more (a closed pipe), the services must still be stopped in order.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  /** @type {Fleet | undefined} */
  let fleet;
  let release = () => {};
  const signal = listenForInterrupts(
    (name) => step(`${name === 'SIGINT' ? 'Ctrl-C' : name}: finishing what is under way (again to end at once)`),
    () => {
      fleet?.kill();
      release();
      process.exit(130);
    },
  );
  let code = 0;
  try {
    await ensureDependencies(root, signal);
    await build(root, signal);
    const settings = await readSettings();
    const dataDir = dataDirOf();
    release = lockDataDir(dataDir);
    const port = await portForApi(settings);
    fleet = new Fleet({ dataDir, logFormat: settings.logFormat, shutdownSeconds: settings.shutdownSeconds });
    await startEverything({ fleet, settings, dataDir, port, signal });
    tellReady(settings, port, began);
    await interrupted(signal);
  } catch (error) {
    if (!signal.aborted) {
      tellFailure(error);
      code = 1;
    }
  }
  await fleet?.stop();
  release();
  if (signal.aborted) step('Stopped');
  return code;
}

/** @param {{ fleet: Fleet, settings: import('./settings.mjs').Settings, dataDir: string, port: number, signal: AbortSignal }} options */
async function startEverything({ fleet, settings, dataDir, port, signal }) {
  const redisUrl = await startRedis(fleet, settings, dataDir, signal);
  const modelsDir = settings.modelsDir === undefined ? join(dataDir, 'models') : resolve(root, settings.modelsDir);
  const { model, modelNamed, modelBaseUrl: baseUrl, host, workers, metricsPort } = settings;
  const chosen = await prepareModel({ model, modelNamed, modelsDir, baseUrl, signal });
  const env = {
    ...process.env,
    NODE_ENV: 'production',
    DATA_DIR: dataDir,
    MODELS_DIR: modelsDir,
    REDIS_URL: redisUrl,
    MODEL: chosen.name,
    DEFAULT_MODEL: process.env['DEFAULT_MODEL']?.trim() || chosen.name,
    WEBHOOK_SECRET: webhookSecret(dataDir),
  };
  const taken = new Set([port]);
  step(`Starting the API, ${workers === 1 ? 'one worker' : `${workers} workers`} and the webhooks`);
  // METRICS_PORT is the first worker's here; the API has its metrics on its own port.
  fleet.startService('api', 'api', { ...env, PORT: String(port), METRICS_PORT: '' }, healthUrl(host, port));
  for (let index = 0; index < workers; index += 1) {
    const own = await portNear(metricsPort === 0 ? 0 : metricsPort + index, host, taken);
    const name = workers === 1 ? 'worker' : `worker-${index + 1}`;
    const workerEnv = { ...env, ...workerEnvironment(workers, settings.cores), METRICS_PORT: String(own) };
    fleet.startService('worker', name, workerEnv, healthUrl(host, own));
  }
  const own = await portNear(metricsPort === 0 ? 0 : metricsPort + workers, host, taken);
  const webhooksEnv = { ...env, METRICS_PORT: String(own) };
  fleet.startService('webhooks', 'webhooks', webhooksEnv, healthUrl(host, own));
  await fleet.untilReady(signal);
  if (chosen.weights === 'demo') {
    warn(
      `${chosen.name} has generated weights: every prediction is meaningless. With a network: MODEL=resnet50 npm start`,
    );
  }
}

/**
 * @param {Fleet} fleet
 * @param {import('./settings.mjs').Settings} settings
 * @param {string} dataDir
 * @param {AbortSignal} signal
 * @returns {Promise<string>} its address
 */
async function startRedis(fleet, settings, dataDir, signal) {
  if (settings.redisUrl !== undefined) {
    await checkExternalRedis(settings.redisUrl, signal);
    return settings.redisUrl;
  }
  const redis = await prepareRedis({ binary: await findRedisBinary(dataDir, signal), dataDir });
  const server = fleet.startRedis(redis);
  // A long append-only file takes its time to load.
  await fleet.whileAlive(signal, (either) => waitForRedis(redis.url, 120_000, either));
  server.markReady();
  step(`Redis: ${redis.summary}`);
  return redis.url;
}

/** @param {import('./settings.mjs').Settings} settings */
async function portForApi({ port, host }) {
  if (port === 0) return freePort(host);
  const state = await tryPort(port, host);
  if (state === 'free') return port;
  if (state === 'EADDRINUSE') {
    const free = await portNear(port + 1, host, new Set());
    const next = `Stop that program, or choose another port: PORT=${free} npm start`;
    throw new StepError(`PORT=${port} is taken: another program listens there. Nothing was started.`, next);
  }
  if (state === 'EACCES') {
    throw new StepError(
      `PORT=${port} needs more rights than this user has.`,
      'Choose one above 1023: PORT=3000 npm start',
    );
  }
  throw new StepError(`Nothing can listen on HOST=${host}, PORT=${port} (${state}).`, 'Correct HOST or PORT.');
}

/** @param {string} host @param {number} port */
const healthUrl = (host, port) => `http://${reachable(host, '127.0.0.1')}:${port}/health/ready`;

/** The address under which this machine reaches what listens on `host`. @param {string} host @param {string} local */
function reachable(host, local) {
  if (host === '0.0.0.0' || host === '::') return local;
  return host.includes(':') ? `[${host}]` : host;
}

/** @param {import('./settings.mjs').Settings} settings @param {number} port @param {number} began */
function tellReady(settings, port, began) {
  const url = `http://${reachable(settings.host, 'localhost')}:${port}`;
  step(`Everything runs after ${seconds(began)}; Ctrl-C stops it`);
  process.stdout.write(`\n${bold(`Quintet is ready: ${url}`)}\n`);
  process.stdout.write(`  curl -H 'Prefer: wait=10' -F image=@photo.jpg ${url}/v1/jobs\n\n`);
}

/** @param {AbortSignal} signal @returns {Promise<void>} */
function interrupted(signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
