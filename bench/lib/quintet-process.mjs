/** Starts Quintet as a user does, for a measurement, and stops it again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freePort } from '../../scripts/lib/ports.mjs';
import { root } from '../../scripts/lib/project.mjs';
import { benchDataDir, benchModelsDir } from './model.mjs';
import { commandLine, processTree } from './processes.mjs';

/** @typedef {'redis' | 'api' | 'worker' | 'webhooks' | 'start'} Role */

/**
 * Runs scripts/start.mjs on a free port with `environment` on top of this one's; resolves once it is ready, and tuned: `npm start`
 * itself measures later, when it is idle. No answer is given twice unless that says so: load repeats its pictures, and every one of them is to be classified.
 * @param {Record<string, string>} environment
 * @returns {Promise<{ url: string, processes: () => Map<number, Role>, stop: () => Promise<void> }>}
 *   `processes` has those that live, by id
 */
export async function startQuintet(environment) {
  const port = await freePort('127.0.0.1');
  const child = spawn(process.execPath, [join(root, 'scripts/start.mjs')], {
    cwd: root,
    env: {
      ...process.env,
      PORT: String(port),
      METRICS_PORT: '0',
      PROFILE: 'auto',
      RESULT_CACHE_TTL_SECONDS: '0',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  // A benchmark that fails must not leave it running.
  const end = () => child.kill('SIGTERM');
  process.once('exit', end);
  let output = '';
  await new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      // Enough to see why it did not start, and no more in a run of half an hour.
      output = (output + String(chunk)).slice(-20_000);
      if (output.includes('Quintet is ready:')) resolve(undefined);
    });
    child.once('exit', (code) => reject(new Error(`npm start ended with ${code}:\n${output}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    processes: () => new Map(processTree(child.pid ?? 0).flatMap((pid) => rolesOf(pid, child.pid))),
    stop: async () => {
      process.removeListener('exit', end);
      end();
      await exited;
    },
  };
}

/** @param {number} pid @param {number | undefined} start @returns {[number, Role][]} */
function rolesOf(pid, start) {
  if (pid === start) return [[pid, 'start']];
  const command = commandLine(pid);
  const service = /services\/(api|worker|webhooks)\/dist\/main\.js/.exec(command)?.[1];
  if (service !== undefined) return [[pid, /** @type {Role} */ (service)]];
  return /redis-server|valkey-server|redis-check-rdb/.test(command) && !command.startsWith('sh ')
    ? [[pid, 'redis']]
    : [];
}

/**
 * Quintet with its default settings and one model, for load: the address to post to, and how the worker runs it.
 * @param {string} model
 * @param {Record<string, string>} [environment]
 */
export async function startBenchQuintet(model, environment = {}) {
  const dataDir = join(benchDataDir, `run-${model}`);
  const quintet = await startQuintet({
    MODEL: model,
    DATA_DIR: dataDir,
    MODELS_DIR: benchModelsDir,
    HOST: '127.0.0.1',
    // The pretty printer is for people at a terminal; services log as in production.
    LOG_FORMAT: 'json',
    ...environment,
  });
  return {
    ...quintet,
    jobsUrl: `${quintet.url}/v1/jobs?model=${model}`,
    headers: { prefer: 'wait=60' },
    layout: async () => {
      const response = await fetch(`${quintet.url}/v1/models`);
      const { models } = await response.json();
      const [worker] = models.find((/** @type {{ name: string }} */ each) => each.name === model).workers;
      return {
        streams: worker.streams,
        intraOpThreads: worker.intra_op_threads,
        maxBatch: worker.max_batch_size,
        soloThreads: worker.solo_threads,
      };
    },
  };
}
