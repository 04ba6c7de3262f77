/** Starts Quintet as a user does, for a measurement, and stops it again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freePort } from '../../scripts/lib/ports.mjs';
import { root } from '../../scripts/lib/project.mjs';

/**
 * Runs scripts/start.mjs on a free port with `environment` on top of this one's; resolves once it is ready.
 * @param {Record<string, string>} environment
 * @returns {Promise<{url: string, stop: () => Promise<void>}>}
 */
export async function startQuintet(environment) {
  const port = await freePort('127.0.0.1');
  const child = spawn(process.execPath, [join(root, 'scripts/start.mjs')], {
    cwd: root,
    env: { ...process.env, PORT: String(port), ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let output = '';
  await new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      output += String(chunk);
      if (output.includes('Quintet is ready:')) resolve(undefined);
    });
    child.once('exit', (code) => reject(new Error(`npm start ended with ${code}:\n${output}`)));
  });
  return {
    url: `http://localhost:${port}`,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
