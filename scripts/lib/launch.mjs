/**
 * `npm start`: a Redis looked for → dependencies → build → settings checked → Redis and model → worker and webhooks → API → ready →
 * Ctrl-C → drained.
 *
 * Exit codes: 0 after Ctrl-C, SIGTERM or a closed terminal; 1 where it could not start; 130 after a second Ctrl-C.
 */
import { join, resolve } from 'node:path';
import { bannerLines, picturePath } from './banner.mjs';
import { build } from './build.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { Fleet } from './fleet.mjs';
import { lockDataDir } from './instance-lock.mjs';
import { listenForInterrupts } from './interrupt.mjs';
import { prepareModel } from './model.mjs';
import { freePort, portNear, tryPort } from './ports.mjs';
import { dataDirOf, root } from './project.mjs';
import { checkExternalRedis, prepareRedis, requireExternalRedis, waitForRedis } from './redis.mjs';
import { findRedisBinary, installRedis, requireRedis } from './redis-binary.mjs';
import { StepError, during, line, seconds, step, tellFailure, terminal, warn } from './report.mjs';
import { webhookSecret } from './secret.mjs';
import { readSettings, workerEnvironment } from './settings.mjs';
import { together } from './together.mjs';

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
    (name) =>
      line('quintet', `${name === 'SIGINT' ? 'Ctrl-C' : name}: finishing what is under way (again to end at once)`),
    () => {
      terminal.endAll();
      fleet?.kill();
      release();
      process.exit(130);
    },
  );
  let code = 0;
  try {
    await prepareClone(signal);
    const settings = await readSettings();
    const dataDir = dataDirOf();
    release = lockDataDir(dataDir);
    const port = await portForApi(settings);
    fleet = new Fleet({ dataDir, logFormat: settings.logFormat, shutdownSeconds: settings.shutdownSeconds });
    const model = await startEverything({ fleet, settings, dataDir, port, signal });
    tellReady(settings, port, model, seconds(began));
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

/**
 * Everything that a fresh clone lacks. Redis comes first: where it has to be installed by a person, that is said before the minute that
 * the rest takes.
 * @param {AbortSignal} signal
 */
async function prepareClone(signal) {
  const redisUrl = process.env['REDIS_URL']?.trim();
  if (redisUrl) await requireExternalRedis(redisUrl);
  else await requireRedis({ offers: true, signal });
  await together(signal, [
    async (either) => {
      await ensureDependencies(root, either);
      await build(root, either);
    },
    ...(redisUrl ? [] : [installRedis]),
  ]);
}

/** @param {{ fleet: Fleet, settings: import('./settings.mjs').Settings, dataDir: string, port: number, signal: AbortSignal }} options */
async function startEverything({ fleet, settings, dataDir, port, signal }) {
  const modelsDir = settings.modelsDir === undefined ? join(dataDir, 'models') : resolve(root, settings.modelsDir);
  const { model, modelNamed, modelBaseUrl: baseUrl, host, workers, metricsPort } = settings;
  const [redisUrl, chosen] = await together(signal, [
    (either) => startRedis(fleet, settings, dataDir, either),
    (either) => prepareModel({ model, modelNamed, modelsDir, baseUrl, signal: either }),
  ]);
  const env = {
    ...process.env,
    NODE_ENV: 'production',
    HOST: host,
    DATA_DIR: dataDir,
    MODELS_DIR: modelsDir,
    REDIS_URL: redisUrl,
    MODEL: chosen.name,
    DEFAULT_MODEL: process.env['DEFAULT_MODEL']?.trim() || chosen.name,
    // The first answer need not wait for measurements.
    PROFILE: process.env['PROFILE']?.trim() || 'idle',
    WEBHOOK_SECRET: webhookSecret(dataDir),
  };
  const taken = new Set([port]);
  const crew = workers === 1 ? 'one worker' : `${workers} workers`;
  await during(`Services: starting ${crew}, the webhooks and the API`, async (task) => {
    fleet.tellIn(task);
    // METRICS_PORT is the first worker's here; the API has its metrics on its own port.
    for (let index = 0; index < workers; index += 1) {
      const own = await portNear(metricsPort === 0 ? 0 : metricsPort + index, host, taken);
      const name = workers === 1 ? 'worker' : `worker-${index + 1}`;
      const workerEnv = { ...env, ...workerEnvironment(workers, settings.cores), METRICS_PORT: String(own) };
      fleet.startService('worker', name, workerEnv, healthUrl(host, own));
    }
    const own = await portNear(metricsPort === 0 ? 0 : metricsPort + workers, host, taken);
    const webhooksEnv = { ...env, METRICS_PORT: String(own) };
    fleet.startService('webhooks', 'webhooks', webhooksEnv, healthUrl(host, own));
    // The API comes last: whoever gets an answer of it, a load balancer's `/health/ready` too, can have a picture classified.
    await fleet.untilReady(signal);
    task.note('api: starting');
    fleet.startService('api', 'api', { ...env, PORT: String(port), METRICS_PORT: '' }, healthUrl(host, port));
    await fleet.untilReady(signal);
    fleet.tellIn();
  });
  if (chosen.weights === 'demo') {
    warn(
      `${chosen.name} has generated weights: every prediction is meaningless. With a network: MODEL=resnet50 npm start`,
    );
  }
  return chosen;
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

/** @param {string} host */
const isLoopback = (host) => /^(127\.|::1$|localhost$)/.test(host);

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
  if (host === '0.0.0.0' || host === '::' || host === '127.0.0.1') return local;
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * @param {import('./settings.mjs').Settings} settings
 * @param {number} port
 * @param {import('./model.mjs').Chosen} model
 * @param {string} took
 */
function tellReady({ host, keyed }, port, model, took) {
  const lines = bannerLines(
    {
      url: `http://${reachable(host, 'localhost')}:${port}`,
      model: model.line,
      // npm runs this in the repository's folder, wherever it was called.
      picture: picturePath(process.env['INIT_CWD'] ?? process.cwd(), root),
      open: !isLoopback(host),
      keyed,
      took,
    },
    { ...terminal.can, columns: terminal.columns, bold: (text) => terminal.paint('1', text) },
  );
  terminal.write(`\n${lines.join('\n')}\n\n`);
}

/** @param {AbortSignal} signal @returns {Promise<void>} */
function interrupted(signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
