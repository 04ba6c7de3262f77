/**
 * One process that has to run until it is told to stop.
 *
 *   start()                          → running
 *   it ends before markReady()       → failed: a service that never came up needs a person, not another try
 *   it ends after markReady()        → waiting 1, 2, 4 … 30 s → running; a minute of running begins the series anew
 *   stop()                           → stopping: SIGTERM, SIGKILL when the limit has passed → stopped
 *   kill()                           → stopped, at once
 *
 * Invariant: never more than one process, and none after stop() or kill().
 * Trade-off: a process that hangs without ending is not restarted; /health/live is there for whoever wants that.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { killGroup } from './run-command.mjs';

const LONGEST_PAUSE_MS = 30_000;
const STABLE_MS = 60_000;
/** For the last lines of a process that has ended, where something of it lives on and keeps the pipe open. */
const LAST_LINES_MS = 2000;

/**
 * @typedef {object} Plan
 * @property {string} name
 * @property {string} command
 * @property {readonly string[]} args
 * @property {NodeJS.ProcessEnv} env
 * @property {boolean} [ipc] whether it gets a channel that closes when this process is gone
 * @property {(line: string) => void} onLine each line of its stdout and stderr
 * @property {(text: string) => void} say what the supervisor does about it
 * @property {(how: string) => void} onFailed it ended before it was ready
 * @property {(pid: number) => () => void} [onStart] returns what is done when that process has ended
 */

export class Supervised {
  /** @type {'new' | 'running' | 'waiting' | 'failed' | 'stopping' | 'stopped'} */
  state = 'new';
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;
  /** @type {Promise<void>} */
  #ended = Promise.resolve();
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  #ready = false;
  #pauseMs = 1000;

  /** @param {Plan} plan */
  constructor(plan) {
    this.plan = plan;
  }

  get name() {
    return this.plan.name;
  }

  markReady() {
    this.#ready = true;
  }

  start() {
    const { command, args, env, ipc, onLine, onStart } = this.plan;
    const began = performance.now();
    this.state = 'running';
    // A group of its own: a terminal's Ctrl-C goes to every process of the foreground group, and the order of ends matters.
    /** @type {import('node:child_process').StdioOptions} */
    const stdio = ['ignore', 'pipe', 'pipe', ...(ipc ? [/** @type {const} */ ('ipc')] : [])];
    /** @type {import('node:child_process').ChildProcess} */
    const child = spawn(command, args, { env, detached: true, stdio });
    this.#child = child;
    const done = child.pid === undefined ? undefined : onStart?.(child.pid);
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream, crlfDelay: Infinity }).on('line', onLine);
    }
    this.#ended = new Promise((resolve) => {
      const end = (/** @type {string} */ how) => {
        if (this.#child !== child) return;
        this.#child = undefined;
        done?.();
        resolve();
        this.#onEnd(how, performance.now() - began);
      };
      child.once('error', (error) => end(`could not be started: ${error.message}`));
      child.once('exit', (code, signal) => {
        const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
        // The last lines, which say why, are still in the pipe. It closes when all that can write to it have ended: so must
        // what this process started, such as a tuning.
        killGroup(child.pid, 'SIGKILL');
        child.once('close', () => end(how));
        setTimeout(() => end(how), LAST_LINES_MS).unref();
      });
    });
  }

  /** @param {string} how @param {number} ranMs */
  #onEnd(how, ranMs) {
    if (this.state !== 'running') return;
    if (!this.#ready) {
      this.state = 'failed';
      this.plan.onFailed(how);
      return;
    }
    if (ranMs > STABLE_MS) this.#pauseMs = 1000;
    const pause = this.#pauseMs;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, pause * 2);
    this.state = 'waiting';
    this.plan.say(`${this.name} ${how}; starting it again in ${pause / 1000} s`);
    this.#timer = setTimeout(() => this.start(), pause);
  }

  /** Resolves when it has ended; true if it did by itself. @param {number} limitMs */
  async stop(limitMs) {
    clearTimeout(this.#timer);
    this.state = 'stopping';
    const child = this.#child;
    child?.kill('SIGTERM');
    let inTime = true;
    const limit = setTimeout(() => {
      inTime = false;
      this.plan.say(`${this.name} has not ended after ${limitMs / 1000} s; killing it`);
      killGroup(child?.pid, 'SIGKILL');
    }, limitMs);
    await this.#ended;
    clearTimeout(limit);
    this.state = 'stopped';
    return inTime;
  }

  kill() {
    clearTimeout(this.#timer);
    this.state = 'stopped';
    killGroup(this.#child?.pid, 'SIGKILL');
  }
}
