/** Every variable that a service reads. docs/configuration.md is compared with this list by a test. */
import { modelNamePattern } from '../job.js';
import { logLevels } from '../log.js';
import { flag, integer, oneOf, optionalInteger, optionalText, text, variable } from './variable.js';
import { z } from 'zod';

const modelAllowed = 'a model name: lower case letters, digits, dot, dash, underscore';

/** Comma-separated seconds, such as `0,5,300`. */
const schedule = z
  .string()
  .regex(/^\d+(\.\d+)?(,\d+(\.\d+)?){0,31}$/)
  .transform((list) => list.split(',').map(Number))
  .pipe(z.array(z.number().max(604_800)));

const secret = z
  .string()
  .regex(/^whsec_[A-Za-z0-9+/]+={0,2}$/)
  .refine((value) => {
    const bytes = Buffer.from(value.slice('whsec_'.length), 'base64').length;
    return bytes >= 24 && bytes <= 64;
  });

const common = {
  REDIS_URL: text('Redis or Valkey, with AOF and `maxmemory-policy noeviction`', 'a redis:// or rediss:// address', {
    fallback: 'redis://localhost:6379',
    pattern: /^rediss?:\/\/.+/,
    secret: true,
  }),
  LOG_LEVEL: oneOf('Least severe level that is logged', logLevels, 'info'),
  HOST: text('Address to listen on', 'an address or host name', { fallback: '0.0.0.0', pattern: /^[\w.:-]+$/ }),
  RESULT_TTL_SECONDS: integer('How long a finished job can be read', 1, 31_536_000, 86_400),
  SHUTDOWN_SECONDS: integer('How long a stopping service may take to finish what it holds', 1, 600, 25),
};

const metricsPort = (fallback: number) =>
  integer('Port of /health and /metrics; 0 picks a free one', 0, 65_535, fallback);

const decodeBytes = integer(
  'Most memory, in bytes, that decoding one image may take, as its header lets expect',
  1_000_000,
  100_000_000_000,
  300_000_000,
);

export const apiVariables = {
  ...common,
  PORT: integer('Port of the API', 0, 65_535, 3000),
  DEFAULT_MODEL: text('Model of a job that names none', modelAllowed, {
    fallback: 'resnet50',
    pattern: modelNamePattern,
  }),
  MAX_UPLOAD_BYTES: integer('Largest upload, in bytes', 1024, 1_073_741_824, 20 * 1024 * 1024),
  MAX_IMAGE_PIXELS: integer('Most pixels (width × height) an image may have', 1, 1_000_000_000, 40_000_000),
  MAX_DECODE_BYTES: decodeBytes,
  MAX_QUEUE_DEPTH: integer('Waiting jobs per model past which a submit answers 503', 1, 10_000_000, 10_000),
  MAX_WAIT_SECONDS: integer('Longest wait that `Prefer: wait` is granted', 1, 600, 60),
  QUEUE_TTL_SECONDS: integer('How long an unfinished job and its image are kept', 60, 31_536_000, 604_800),
  ALLOW_PRIVATE_HOSTS: flag('Whether webhooks may go to private and loopback addresses', false),
  WEBHOOK_SECRET: variable(
    'Key that signs webhooks; without it jobs with a webhook_url are refused',
    'whsec_ and the base64 of 24 to 64 random bytes',
    secret as z.ZodType<string | undefined, string>,
    { secret: true },
  ),
};

export const workerVariables = {
  ...common,
  METRICS_PORT: metricsPort(9464),
  MODEL: text('Model that this worker serves', modelAllowed, { fallback: 'resnet50', pattern: modelNamePattern }),
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
    'Whether the worker times its model at start: once, again, or never',
    ['auto', 'fresh', 'off'],
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
  MAX_IMAGE_PIXELS: integer('Most pixels (width × height) an image may have', 1, 1_000_000_000, 40_000_000),
  MAX_DECODE_BYTES: decodeBytes,
  DECODE_TIMEOUT_SECONDS: integer('Longest time the decoding of one image may take', 1, 600, 20),
};

export const webhooksVariables = {
  ...common,
  METRICS_PORT: metricsPort(9465),
  WEBHOOK_SECRET: apiVariables.WEBHOOK_SECRET,
  ALLOW_PRIVATE_HOSTS: apiVariables.ALLOW_PRIVATE_HOSTS,
  WEBHOOK_CONCURRENCY: integer('Deliveries under way at once', 1, 10_000, 100),
  WEBHOOK_TIMEOUT_SECONDS: integer('Longest time one attempt may take', 1, 60, 15),
  WEBHOOK_SCHEDULE_SECONDS: variable(
    'Delays before each attempt, in seconds, the first included; their number is the number of attempts',
    'up to 32 numbers from 0 to 604800, separated by commas',
    schedule,
    { fallback: '0,5,300,1800,7200,18000,36000,50400,72000,86400' },
  ),
};
