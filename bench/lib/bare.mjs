/**
 * Bare ONNX Runtime in as many threads as asked for, in a process of its own: the limit that a service can approach.
 * Without pictures it is the model alone; with pictures each is decoded first (bare-thread.mjs).
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { importBuilt } from '../../scripts/lib/project.mjs';

/**
 * @typedef {{ path: string, streams: number, intraOpThreads: number, batch?: number, images?: Buffer[] }} Bare
 * @typedef {{ perSecond: number, times: number[], cpuSeconds: number }} Measured images per second, and ms of every run
 */

/**
 * Starts the process, with the model open and warm.
 * @param {Bare} bare
 * @returns {Promise<{ measure: (seconds: number) => Promise<Measured>, stop: () => Promise<void> }>}
 */
export async function startBare(bare) {
  const child = fork(fileURLToPath(import.meta.url), [], {
    serialization: 'advanced',
    execArgv: [],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1', MALLOC_ARENA_MAX: '2' },
  });
  const answer = async () => {
    const [message] = await Promise.race([once(child, 'message'), once(child, 'exit').then(([code]) => fail(code))]);
    return message;
  };
  child.send(bare);
  await answer();
  return {
    measure: (seconds) => {
      child.send({ seconds });
      return answer();
    },
    stop: async () => {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}

/** @param {number | null} code @returns {never} */
function fail(code) {
  throw new Error(`bare ONNX Runtime ended with ${code}`);
}

/** @param {Bare} bare */
async function serve({ path, streams, intraOpThreads, batch = 1, images }) {
  const { int8MaySaturate, ownVectorInstructions } = await importBuilt('services/worker/dist/inference/hardware.js');
  const file = { path, prepared: false, exactInt8: int8MaySaturate(process.arch, ownVectorInstructions()) };
  const threads = await Promise.all(
    Array.from({ length: streams }, async () => {
      const workerData = { file, intraOpThreads, batch, images };
      const thread = new Worker(new URL('./bare-thread.mjs', import.meta.url), { workerData });
      await once(thread, 'message');
      return thread;
    }),
  );
  process.on('message', async (/** @type {{ seconds: number }} */ { seconds }) => {
    const began = performance.now();
    const cpu = process.cpuUsage();
    const runs = await Promise.all(
      threads.map(async (thread) => {
        const answer = once(thread, 'message');
        thread.postMessage({ seconds });
        const [{ times }] = await answer;
        return times;
      }),
    );
    const took = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const times = runs.flat();
    process.send?.({ perSecond: (times.length * batch) / took, times, cpuSeconds: (user + system) / 1e6 });
  });
  process.send?.('ready');
}

// Started by fork above.
if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  process.once('message', (bare) => void serve(/** @type {Bare} */ (bare)));
  // Not exit(): a thread that it interrupts in native code aborts the process.
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
}
