/** Runs a program of the set-up (npm, tsc, apt-get) to its end. */
import { spawn } from 'node:child_process';

/**
 * @typedef {{ code: number | null, output: string, error?: NodeJS.ErrnoException }} Outcome
 * `output` is stdout and stderr together; `error` is set where the program could not be started.
 */

/**
 * In a process group of its own, so that Ctrl-C reaches it only through `signal`. Never rejects but for an abort.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, signal?: AbortSignal | undefined, inherit?: boolean }} [options]
 * @returns {Promise<Outcome>}
 */
export function runCommand(command, args, options = {}) {
  const { cwd, env = process.env, signal, inherit = false } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const child = spawn(command, args, {
      cwd,
      env,
      detached: !inherit,
      stdio: inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    const stop = () => killGroup(child.pid, 'SIGTERM');
    signal?.addEventListener('abort', stop, { once: true });
    const release = inherit || child.pid === undefined ? () => undefined : guard('kill -- "-$1"', [String(child.pid)]);
    let output = '';
    const collect = (/** @type {Buffer} */ chunk) => (output += chunk.toString());
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    const finish = (/** @type {Outcome} */ outcome) => {
      signal?.removeEventListener('abort', stop);
      release();
      if (signal?.aborted) reject(signal.reason);
      else resolve(outcome);
    };
    child.once('error', (error) => finish({ code: null, output, error }));
    child.once('close', (code) => finish({ code, output }));
  });
}

/**
 * Lets a shell run `script` with `args` when this process is gone without having stopped what it started: killed, and unable to.
 * @param {string} script
 * @param {readonly string[]} args
 * @returns {() => void} ends the guard
 */
export function guard(script, args) {
  // Its standard input is a pipe that nobody else holds, and that nobody writes to.
  const shell = spawn('sh', ['-c', `cat >/dev/null; ${script}`, 'sh', ...args], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.on('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  return () => killGroup(shell.pid, 'SIGKILL');
}

/** Signals a detached child and all that it started; gone already is fine. @param {number | undefined} pid @param {NodeJS.Signals} name */
export function killGroup(pid, name) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
  }
}

/** The last lines that say something. @param {string} text @param {number} [count] */
export function lastLines(text, count = 15) {
  return text
    .split('\n')
    .map((each) => each.trimEnd())
    .filter((each) => each !== '')
    .slice(-count);
}
