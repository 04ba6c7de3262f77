/** Everything `npm start` and the services read from the environment, checked before anything starts. */
import { importBuilt } from './project.mjs';
import { StepError } from './report.mjs';

const LOOPBACK = '127.0.0.1';

/**
 * @typedef {object} Settings
 * @property {number} port of the API; 0: a free one
 * @property {string} host this machine's own address unless HOST says otherwise: what is tried out on a laptop is not for its network
 * @property {boolean} keyed whether clients need an API key
 * @property {number} workers
 * @property {number} cores that the container's quota allows
 * @property {number} metricsPort of the first worker; the others and the webhooks follow
 * @property {string | undefined} model that somebody asked for
 * @property {string | undefined} modelsDir
 * @property {string | undefined} modelBaseUrl
 * @property {string | undefined} redisUrl
 * @property {number} shutdownSeconds
 * @property {'pretty' | 'json'} logFormat
 */

/** @param {NodeJS.ProcessEnv} [env] @returns {Promise<Settings>} */
export async function readSettings(env = process.env) {
  const { readConfig, ConfigError, integer, oneOf } = await importBuilt('packages/shared/dist/config/variable.js');
  const { availableCores } = await importBuilt('packages/shared/dist/config/cores.js');
  const { apiVariables, workerVariables, webhooksVariables } = await importBuilt(
    'packages/shared/dist/config/variables.js',
  );
  const variables = {
    ...webhooksVariables,
    ...apiVariables,
    ...workerVariables,
    WORKERS: integer('How many workers npm start runs', 1, 64, 1),
    LOG_FORMAT: oneOf('How npm start shows the logs', ['pretty', 'json'], 'pretty'),
  };
  try {
    const config = readConfig(variables, env);
    return {
      port: config.PORT,
      host: isSet(env['HOST']) ? config.HOST : LOOPBACK,
      keyed: config.API_KEYS !== undefined || config.API_KEYS_FILE !== undefined,
      workers: config.WORKERS,
      cores: availableCores(),
      metricsPort: config.METRICS_PORT,
      model: config.MODEL,
      modelsDir: config.MODELS_DIR,
      modelBaseUrl: config.MODEL_BASE_URL,
      redisUrl: isSet(env['REDIS_URL']) ? config.REDIS_URL : undefined,
      shutdownSeconds: config.SHUTDOWN_SECONDS,
      logFormat: config.LOG_FORMAT,
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems } = /** @type {{ problems: string[] }} */ (/** @type {unknown} */ (error));
    throw new StepError(
      `${problems.length === 1 ? 'A setting is' : 'Settings are'} not allowed; nothing was started.`,
      'Correct or unset it; docs/configuration.md describes every variable.',
      problems.map((problem) => `quintet: ${problem}`),
    );
  }
}

/** @param {string | undefined} value */
const isSet = (value) => value !== undefined && value.trim() !== '';

/**
 * What every worker gets beside its configuration: its share of the cores, room for parallel decoding, and a heap that
 * does not fragment.
 * @param {number} workers how many share this machine
 * @param {number} cores
 */
export function workerEnvironment(workers, cores, env = process.env) {
  return {
    ...(workers > 1 && !isSet(env['INFERENCE_STREAMS'])
      ? {
          INFERENCE_STREAMS: String(Math.max(1, Math.floor(cores / workers))),
          INTRA_OP_THREADS: isSet(env['INTRA_OP_THREADS']) ? env['INTRA_OP_THREADS'] : '1',
        }
      : {}),
    UV_THREADPOOL_SIZE: env['UV_THREADPOOL_SIZE'] ?? String(Math.max(4, cores)),
    MALLOC_ARENA_MAX: env['MALLOC_ARENA_MAX'] ?? '2',
  };
}
