/** Every variable that a service reads. docs/configuration.md is compared with this list by a test. */
import { parseApiKeys, type ApiKeyEntry } from '../api-key.js';
import { modelNamePattern } from '../job.js';
import { logLevels } from '../log.js';
import { defaultModels } from './default-models.js';
import { flag, integer, oneOf, optionalInteger, optionalText, text, variable } from './variable.js';
import { z } from 'zod';

const modelAllowed = 'a model name: lower case letters, digits, dot, dash, underscore';

/** Comma-separated seconds, such as `0,5,300`. */
const schedule = z
  .string()
  .regex(/^\d+(\.\d+)?(,\d+(\.\d+)?){0,31}$/)
  .transform((list) => list.split(',').map(Number))
  .pipe(z.array(z.number().max(604_800)));

const secretPattern = /^whsec_[A-Za-z0-9+/]+={0,2}$/;

/** Keys separated by spaces, the newest first. More than one only while receivers change from one to the next. */
const secrets = z
  .string()
  .transform((list) => list.split(/\s+/))
  .pipe(z.array(z.string().regex(secretPattern).refine(isKey)).min(1).max(4))
  .readonly();

function isKey(secret: string): boolean {
  const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64').length;
  return bytes >= 24 && bytes <= 64;
}

const common = {
  REDIS_URL: text('Redis or Valkey, with AOF and `maxmemory-policy noeviction`', 'a redis:// or rediss:// address', {
    fallback: 'redis://localhost:6379',
    pattern: /^rediss?:\/\/.+/,
    secret: true,
  }),
  REDIS_CA_FILE: optionalText(
    'Certificate of the authority that signed the one of a `rediss://` Redis; the public ones by default',
    'a PEM file',
  ),
  LOG_LEVEL: oneOf('Least severe level that is logged', logLevels, 'info'),
  HOST: text('Address to listen on', 'an address or host name', { fallback: '0.0.0.0', pattern: /^[\w.:-]+$/ }),
  RESULT_TTL_SECONDS: integer('How long a finished job can be read', 1, 31_536_000, 86_400),
  SHUTDOWN_SECONDS: integer('How long a stopping service may take to finish what it holds', 1, 600, 25),
};

/** Of the API and the workers. */
const resultCacheTtl = integer(
  'How long an answer is kept for other jobs with the same picture; 0 shares none',
  0,
  31_536_000,
  3600,
);

const metricsPortIs = 'Port of /health and /metrics; 0 picks a free one. Without it, the API has them on its own';
const metricsPort = (fallback: number) => integer(metricsPortIs, 0, 65_535, fallback);

/** `https://a.example,https://b.example`, or `*`. */
const origins = z
  .string()
  .transform((list) => list.split(',').map((origin) => origin.trim()))
  .refine((list) => list.every((origin) => origin === '*' || isOrigin(origin)));

function isOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

const apiKeys = z.string().transform((json, context): ApiKeyEntry[] => {
  try {
    return parseApiKeys(json);
  } catch {
    context.addIssue({ code: 'custom', message: 'not a list of keys' });
    return z.NEVER;
  }
});

const fraction = z
  .string()
  .regex(/^(0\.\d{1,6}|1)$/)
  .transform(Number)
  .pipe(z.number().min(0.1));

/** Phones have up to 64 million, cameras 61; a hundred and more take too long. */
const imagePixels = integer('Most pixels (width × height) an image may have', 1, 1_000_000_000, 65_000_000);

const decodeBytes = integer(
  'Most memory, in bytes, that decoding one image may take, as its header lets expect',
  1_000_000,
  100_000_000_000,
  400_000_000,
);

export const apiVariables = {
  ...common,
  PORT: integer('Port of the API', 0, 65_535, 3000),
  DEFAULT_MODEL: optionalText('Model of a job that names none; by default what the workers serve', modelAllowed, {
    pattern: modelNamePattern,
  }),
  MAX_UPLOAD_BYTES: integer(
    'Largest upload, and largest image behind an image_url, in bytes',
    1024,
    1_073_741_824,
    32 * 1024 * 1024,
  ),
  MAX_BATCH_ITEMS: integer('Most pictures of one batch', 1, 10_000, 1000),
  MAX_BATCH_BYTES: integer('Largest batch, in bytes, as sent and unpacked', 1024, 4_294_967_296, 256 * 1024 * 1024),
  MAX_IMAGE_PIXELS: imagePixels,
  MAX_DECODE_BYTES: decodeBytes,
  MAX_QUEUE_DEPTH: integer('Waiting jobs per model past which a submit answers 503', 1, 10_000_000, 10_000),
  DRAIN_SECONDS: integer(
    'How long a stopping API goes on serving while it says that it is not ready, for load balancers to notice',
    0,
    300,
    0,
  ),
  MAX_WAIT_SECONDS: integer('Longest wait for an answer, by `Prefer: wait` or in other protocols', 1, 600, 60),
  QUEUE_TTL_SECONDS: integer('How long an unfinished job and its image are kept', 60, 31_536_000, 604_800),
  RESULT_CACHE_TTL_SECONDS: resultCacheTtl,
  IDEMPOTENCY_TTL_SECONDS: integer('How long an `Idempotency-Key` is remembered', 1, 31_536_000, 86_400),
  ALLOW_PRIVATE_HOSTS: flag('Whether webhooks and image_url may name private and loopback addresses', false),
  WEBHOOK_SECRET: variable(
    'Keys that sign webhooks, the newest first; without one jobs with a webhook_url are refused',
    'whsec_ and the base64 of 24 to 64 random bytes; up to 4 of them, separated by spaces',
    secrets as z.ZodType<readonly string[] | undefined, string>,
    { secret: true },
  ),
  METRICS_PORT: optionalInteger(metricsPortIs, 0, 65_535),
  API_KEYS: variable(
    'The keys of the clients, one entry each ([security.md](security.md#keys)); without any, the service is open',
    'a JSON array of `{"name", "hash", "scopes", "rate_per_minute", "concurrency"}`',
    apiKeys as z.ZodType<ApiKeyEntry[] | undefined, string>,
    { secret: true },
  ),
  API_KEYS_FILE: optionalText('The same in a file, which is read again when it changes', 'a JSON file'),
  RATE_LIMIT_PER_MINUTE: integer(
    'Pictures a client may submit in a minute; it may make ten times as many other requests; 0: no limit',
    0,
    10_000_000,
    0,
  ),
  MAX_CONCURRENT_JOBS_PER_CLIENT: integer('Unfinished jobs a client may have; 0: no limit', 0, 1_000_000, 0),
  REDIS_MEMORY_LIMIT: variable(
    "Part of Redis' `maxmemory` past which a submit answers 503; without a `maxmemory` there is no such limit",
    'a number from 0.1 to 1',
    fraction,
    { fallback: '0.85' },
  ),
  TRUST_PROXY: integer(
    'Proxies in front that add to X-Forwarded-For and set X-Forwarded-Proto; a client could forge more',
    0,
    16,
    0,
  ),
  CORS_ORIGINS: variable(
    'Origins whose pages may use the API from a browser; none by default',
    'origins such as https://app.example.com, separated by commas, or *',
    origins as z.ZodType<string[] | undefined, string>,
  ),
  MAX_CONNECTIONS: optionalInteger('Connections past which further ones are closed; no limit by default', 1, 1_000_000),
};

export const workerVariables = {
  ...common,
  METRICS_PORT: metricsPort(9464),
  MODEL: optionalText(
    `Model that this worker serves, and no other; by default the first of ${defaultModels.join(', ')} that can be had`,
    modelAllowed,
    { pattern: modelNamePattern },
  ),
  DATA_DIR: text('Folder for everything that is kept on disk', 'a folder', { fallback: './.quintet' }),
  MODELS_DIR: optionalText('The model repository; `<DATA_DIR>/models` by default', 'a folder'),
  MODEL_BASE_URL: optionalText('A mirror tried before the public sources', 'an https://, http:// or file:// address', {
    pattern: /^(https?|file):\/\/.+/,
  }),
  WORKER_ID: optionalText(
    'Name of this worker in results; host name and a random part by default',
    'up to 64 of A–Z a–z 0–9 . _ -',
    {
      pattern: /^[\w.-]{1,64}$/,
    },
  ),
  EXECUTION_PROVIDER: oneOf('Where the model runs', ['auto', 'cpu', 'cuda', 'webgpu'], 'auto'),
  PROFILE: oneOf(
    'When the worker times its model: once, before it is ready; once, when it has nothing to do; at each start; or never',
    ['auto', 'idle', 'fresh', 'off'],
    'auto',
  ),
  OPTIMIZE: oneOf('What the settings that it finds are best for', ['throughput', 'latency'], 'throughput'),
  INFERENCE_STREAMS: optionalInteger('Inference threads, each with its own session; measured by default', 1, 256),
  INTRA_OP_THREADS: optionalInteger('Threads of one session; measured by default', 1, 256),
  MAX_BATCH_SIZE: optionalInteger('Most images in one run of the model; measured by default', 1, 256),
  INT8_ARITHMETIC: oneOf(
    'How int8 runs on x86 CPUs without VNNI: as defined, or saturating',
    ['exact', 'fast'],
    'exact',
  ),
  CONCURRENCY: optionalInteger('Jobs held at once; by default three batches for every stream', 1, 10_000),
  MAX_IMAGE_PIXELS: imagePixels,
  RESULT_CACHE_TTL_SECONDS: resultCacheTtl,
  MAX_DECODE_BYTES: decodeBytes,
  DECODE_TIMEOUT_SECONDS: integer('Longest time the decoding of one image may take', 1, 600, 20),
  MAX_UPLOAD_BYTES: apiVariables.MAX_UPLOAD_BYTES,
  ALLOW_PRIVATE_HOSTS: apiVariables.ALLOW_PRIVATE_HOSTS,
  FETCH_CONCURRENCY: integer('Images that are fetched from their image_url at once', 1, 1000, 16),
  FETCH_TIMEOUT_SECONDS: integer('Longest time one attempt to fetch an image_url may take', 1, 600, 15),
  INFERENCE_TIMEOUT_SECONDS: optionalInteger(
    'Longest time one run of the model may take; by default a hundred times the slowest of the warm-up, at least 30',
    1,
    86_400,
  ),
};

export const webhooksVariables = {
  ...common,
  METRICS_PORT: metricsPort(9465),
  WEBHOOK_SECRET: apiVariables.WEBHOOK_SECRET,
  ALLOW_PRIVATE_HOSTS: apiVariables.ALLOW_PRIVATE_HOSTS,
  WEBHOOK_CONCURRENCY: integer('Deliveries under way at once', 1, 10_000, 100),
  WEBHOOK_HOST_CONCURRENCY: integer('Deliveries under way at once to one host, of each process', 1, 10_000, 10),
  WEBHOOK_TIMEOUT_SECONDS: integer('Longest time one attempt may take', 1, 60, 15),
  WEBHOOK_SCHEDULE_SECONDS: variable(
    'Delays before each attempt, in seconds, the first included; their number is the number of attempts',
    'up to 32 numbers from 0 to 604800, separated by commas',
    schedule,
    { fallback: '0,5,300,1800,7200,18000,36000,50400,72000,86400' },
  ),
};
