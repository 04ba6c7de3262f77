/**
 * The systems of the comparison: how each is started and asked, and with which settings. README.md here says where they come from.
 *
 * `configurations` of a peer are all that were tried, as sensible ones for two cores; the first is the one that is measured, the
 * rest only with --tried. WORKERS × THREADS are processes (or replicas) and ONNX Runtime's threads in each.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../scripts/lib/ports.mjs';
import { installNpm, installPython } from '../lib/peer-install.mjs';
import { transformersFolder } from '../lib/peer-model.mjs';
import { startServer } from '../lib/peer-process.mjs';
import { asForms } from '../lib/load.mjs';
import { benchDataDir } from '../lib/model.mjs';
import { startQuintet } from '../lib/quintet-process.mjs';

/**
 * @typedef {{ workers: number, threads: number, batch: number, waitMs: number, env?: Record<string, string>, text?: string }}
 *   Configuration `text` tells of `env`
 * @typedef {import('../lib/peer-process.mjs').Running & { images: readonly Buffer[] }} Started
 * @typedef {{ model: import('../../packages/models/dist/index.js').Model, images: readonly Buffer[],
 *   say: (text: string) => void }} Setting
 * @typedef {{ versions: Record<string, string>, start: (configuration: Configuration) => Promise<Started> }} Ready
 * @typedef {{ name: string, configurations: readonly Configuration[], describe: (configuration: Configuration) => string,
 *   prepare: (setting: Setting) => Promise<Ready> }} System
 */

const here = dirname(fileURLToPath(import.meta.url));
/** No library of any system reports to anyone. */
const silent = {
  ORT_DISABLE_TELEMETRY: '1',
  BENTOML_DO_NOT_TRACK: 'True',
  RAY_USAGE_STATS_ENABLED: '0',
  DO_NOT_TRACK: '1',
};

/** Quintet times the model itself and chooses. */
const chosenByQuintet = { workers: 1, threads: 0, batch: 0, waitMs: 0 };

/** @param {Configuration} configuration */
function batched({ workers, threads, batch, waitMs, text }) {
  const batches = batch === 1 ? 'no batches' : `batches up to ${batch}, wait ${waitMs} ms`;
  return [`${workers} × ${threads}`, batches, ...(text === undefined ? [] : [text])].join('; ');
}

/** @param {Configuration} configuration */
function unbatched({ workers, threads }) {
  return threads === 0 ? `${workers} process, the library’s defaults` : `${workers} × ${threads}, no spinning`;
}

/**
 * A peer that is a program of its own.
 * @param {{ name: string, path: string, form?: string, configurations: readonly Configuration[],
 *   describe: System['describe'], install: (setting: Setting) => Promise<{ versions: Record<string, string>,
 *   command: string, args: (port: number) => string[], env?: Record<string, string> }> }} peer `form` is the field of a form
 * @returns {System}
 */
function peer({ name, path, form, configurations, describe, install }) {
  return {
    name,
    configurations,
    describe,
    prepare: async (setting) => {
      const { versions, command, args, env } = await install(setting);
      const { images, headers } =
        form === undefined ? { images: setting.images, headers: {} } : asForms(setting.images, form);
      const start = async (/** @type {Configuration} */ { workers, threads, batch, waitMs, env: extra }) => {
        const port = await freePort('127.0.0.1');
        const running = await startServer({
          command,
          args: args(port),
          cwd: here,
          env: {
            ...silent,
            PEER_PORT: String(port),
            PEER_MODEL: setting.model.modelPath,
            PEER_LABELS: join(setting.model.dir, setting.model.manifest.labels),
            PEER_WORKERS: String(workers),
            PEER_THREADS: String(threads),
            PEER_BATCH: String(batch),
            PEER_WAIT_MS: String(waitMs),
            ...env,
            ...extra,
          },
          url: `http://127.0.0.1:${port}${path}`,
          headers,
          probe: images[0],
        });
        return { ...running, images };
      };
      return { versions, start };
    },
  };
}

/** @param {string} program @param {(port: number) => string[]} args @param {readonly string[]} packages */
function pythonPeer(program, args, packages) {
  return async (/** @type {Setting} */ { say }) => {
    const { bin, versions } = await installPython(say);
    const shown = ['python', ...packages, 'onnxruntime', 'pillow'].map((each) => [each, versions[each]]);
    const env = { PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1', BENTOML_HOME: join(benchDataDir, 'bentoml') };
    return { versions: Object.fromEntries(shown), command: join(bin, program), args, env };
  };
}

/** @type {System} */
const quintet = {
  name: 'quintet',
  configurations: [
    { ...chosenByQuintet, text: 'npm start as it comes, OPTIMIZE=throughput' },
    { ...chosenByQuintet, env: { OPTIMIZE: 'latency' }, text: 'OPTIMIZE=latency' },
    {
      ...chosenByQuintet,
      env: { INFERENCE_STREAMS: '2', INTRA_OP_THREADS: '2' },
      text: 'INFERENCE_STREAMS=2, INTRA_OP_THREADS=2',
    },
  ],
  describe: ({ text }) => text ?? '',
  prepare: async ({ model, images }) => ({
    versions: {},
    start: async ({ env }) => {
      const { name } = model.manifest;
      const { url, processes, stop } = await startQuintet({ MODEL: name, DATA_DIR: benchDataDir, ...env });
      const pids = () => [...processes().keys()];
      return { url: `${url}/v1/jobs?model=${name}`, headers: { prefer: 'wait=60' }, pids, stop, images };
    },
  }),
};

/** Ray Serve's switches for throughput, and for HAProxy in front of the replicas. */
const rayThroughput = { env: { RAY_SERVE_THROUGHPUT_OPTIMIZED: '1' }, text: 'RAY_SERVE_THROUGHPUT_OPTIMIZED' };
const rayProxy = {
  env: { ...rayThroughput.env, RAY_SERVE_ENABLE_HA_PROXY: '1' },
  text: `${rayThroughput.text}, RAY_SERVE_ENABLE_HA_PROXY`,
};

/** @type {readonly System[]} */
export const systems = [
  quintet,
  peer({
    name: 'litserve',
    path: '/predict',
    form: 'image',
    configurations: [
      { workers: 1, threads: 2, batch: 8, waitMs: 5 },
      { workers: 2, threads: 1, batch: 4, waitMs: 5 },
      { workers: 2, threads: 1, batch: 8, waitMs: 10 },
      { workers: 2, threads: 2, batch: 4, waitMs: 5 },
      { workers: 2, threads: 1, batch: 1, waitMs: 0 },
    ],
    describe: batched,
    install: pythonPeer('python', () => ['litserve_server.py'], ['litserve']),
  }),
  peer({
    name: 'bentoml',
    path: '/classify',
    form: 'images',
    configurations: [
      { workers: 1, threads: 2, batch: 8, waitMs: 60_000 },
      { workers: 1, threads: 2, batch: 16, waitMs: 60_000 },
      { workers: 2, threads: 1, batch: 4, waitMs: 60_000 },
      { workers: 2, threads: 1, batch: 16, waitMs: 60_000 },
      { workers: 2, threads: 2, batch: 4, waitMs: 60_000 },
    ],
    describe: batched,
    install: pythonPeer(
      'bentoml',
      (port) => ['serve', 'bentoml_service:Classifier', '--host', '127.0.0.1', '--port', String(port)],
      ['bentoml'],
    ),
  }),
  peer({
    name: 'ray-serve',
    path: '/',
    configurations: [
      { workers: 1, threads: 2, batch: 8, waitMs: 5, ...rayThroughput },
      { workers: 1, threads: 2, batch: 8, waitMs: 5 },
      { workers: 2, threads: 1, batch: 4, waitMs: 5 },
      { workers: 2, threads: 1, batch: 4, waitMs: 5, ...rayThroughput },
      { workers: 2, threads: 1, batch: 4, waitMs: 5, ...rayProxy },
      { workers: 2, threads: 1, batch: 8, waitMs: 10 },
      { workers: 2, threads: 2, batch: 4, waitMs: 5 },
    ],
    describe: batched,
    install: pythonPeer('python', () => ['ray_serve_app.py'], ['ray']),
  }),
  peer({
    name: 'transformers.js',
    path: '/classify',
    configurations: [
      { workers: 2, threads: 1, batch: 1, waitMs: 0 },
      { workers: 1, threads: 2, batch: 1, waitMs: 0 },
      { workers: 1, threads: 1, batch: 1, waitMs: 0 },
      { workers: 1, threads: 0, batch: 1, waitMs: 0 },
    ],
    describe: unbatched,
    install: async ({ model, say }) => {
      const { folder, versions } = await installNpm(say);
      const env = { PEER_MODULES: folder, PEER_MODEL_DIR: transformersFolder(model) };
      return { versions, command: process.execPath, args: () => ['transformers-js.mjs'], env };
    },
  }),
  peer({
    name: 'naive',
    path: '/classify',
    form: 'image',
    configurations: [
      { workers: 1, threads: 2, batch: 1, waitMs: 0 },
      { workers: 1, threads: 1, batch: 1, waitMs: 0 },
      { workers: 1, threads: 0, batch: 1, waitMs: 0 },
    ],
    describe: unbatched,
    install: async () => ({ versions: {}, command: process.execPath, args: () => ['naive.mjs'] }),
  }),
];
