/** All processes of one `npm start`: started in order, watched together, stopped in the order that loses nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { formatLogLine, isInfo, messageOf } from './log-format.mjs';
import { openLogFile } from './log-file.mjs';
import { root } from './project.mjs';
import { StepError, line, step, warn } from './report.mjs';
import { Supervised } from './supervised.mjs';

const REDIS_STOP_MS = 15_000;
const READY_LIMIT_MS = 300_000;
const READY_REMARK_MS = 10_000;
const preload = pathToFileURL(join(root, 'scripts', 'lib', 'exit-with-parent.mjs')).href;

/** @typedef {{ kind: 'redis' | 'api' | 'worker' | 'webhooks', process: Supervised, healthUrl?: string }} Member */

export class Fleet {
  /** @type {Member[]} */
  #members = [];
  /** Aborted, with the reason, when a process ends before it was ready. */
  #failing = new AbortController();
  /** @type {import('./terminal.mjs').Task | undefined} */
  #task;

  /** @param {{ dataDir: string, logFormat: 'pretty' | 'json', shutdownSeconds: number }} options */
  constructor(options) {
    this.options = options;
  }

  /** Where `task` is shown live, it says from now on what the services say; without one each line is a line. @param {import('./terminal.mjs').Task} [task] */
  tellIn(task) {
    this.#task = task?.live ? task : undefined;
  }

  /** @param {{ command: string, args: readonly string[], guard: (pid: number) => () => void }} redis */
  startRedis(redis) {
    const { command, args, guard } = redis;
    const member = this.#add('redis', 'redis', { command, args, env: process.env, onStart: guard, quiet: true });
    member.process.start();
    return member.process;
  }

  /**
   * @param {'api' | 'worker' | 'webhooks'} kind
   * @param {string} name unique
   * @param {NodeJS.ProcessEnv} env
   * @param {string} healthUrl
   */
  startService(kind, name, env, healthUrl) {
    const args = ['--import', preload, join(root, 'services', kind, 'dist', 'main.js')];
    const member = this.#add(kind, name, { command: process.execPath, args, env, ipc: true });
    member.healthUrl = healthUrl;
    member.process.start();
  }

  /**
   * @param {Member['kind']} kind
   * @param {string} name
   * @param {Pick<import('./supervised.mjs').Plan, 'command' | 'args' | 'env' | 'ipc' | 'onStart'> & { quiet?: boolean }} what
   */
  #add(kind, name, { quiet = false, ...what }) {
    const log = openLogFile(this.options.dataDir, name);
    /** @type {string[]} */
    const recent = [];
    const onLine = (/** @type {string} */ text) => {
      log.write(text);
      recent.push(text);
      if (recent.length > 20) recent.shift();
      if (quiet) return;
      if (this.options.logFormat === 'json') process.stdout.write(`${text}\n`);
      else if (this.#task !== undefined && isInfo(text)) this.#task.note(`${name}: ${messageOf(text)}`);
      else line(name, formatLogLine(text));
    };
    const onFailed = (/** @type {string} */ how) => {
      const last = recent.slice(-8).map(formatLogLine);
      this.#failing.abort(new StepError(`${name} ${how} before it was ready.`, `All of its log: ${log.path}`, last));
    };
    /** @type {Member} */
    const member = { kind, process: new Supervised({ name, ...what, onLine, say: warn, onFailed }) };
    this.#members.push(member);
    return member;
  }

  /** Resolves when every service says that it is ready. @param {AbortSignal} signal */
  async untilReady(signal) {
    const services = this.#members.filter(({ healthUrl }) => healthUrl);
    await this.whileAlive(signal, (either) => Promise.all(services.map((member) => this.#memberReady(member, either))));
  }

  /**
   * Does `work`, which stops at its signal: that of the caller, or that a process has ended before it was ready. Then it rejects with
   * what is to be said about that.
   * @template T
   * @param {AbortSignal} signal
   * @param {(either: AbortSignal) => Promise<T>} work
   */
  async whileAlive(signal, work) {
    const failing = this.#failing.signal;
    try {
      return await work(AbortSignal.any([signal, failing]));
    } catch (error) {
      throw failing.aborted ? failing.reason : error;
    }
  }

  /** @param {Member} member @param {AbortSignal} signal */
  async #memberReady({ process: watched, healthUrl = '' }, signal) {
    const began = performance.now();
    let remarkAt = began + READY_REMARK_MS;
    for (;;) {
      const reason = await askReady(healthUrl, signal);
      if (reason === undefined) break;
      const now = performance.now();
      if (now - began > READY_LIMIT_MS) {
        const limit = READY_LIMIT_MS / 60_000;
        throw new StepError(`${watched.name} was not ready after ${limit} minutes: ${reason}`, 'Its log says more.');
      }
      if (now > remarkAt) {
        remarkAt = now + READY_REMARK_MS;
        if (this.#task === undefined) step(`Waiting for ${watched.name}: ${reason}`);
      }
      await delay(100, undefined, { signal });
    }
    watched.markReady();
  }

  /** The API first, so that what waits there is still answered; then those who work; Redis last. */
  async stop() {
    const limit = (this.options.shutdownSeconds + 5) * 1000;
    for (const kinds of [['api'], ['worker', 'webhooks'], ['redis']]) {
      const ending = this.#members.filter(({ kind }) => kinds.includes(kind));
      await Promise.all(ending.map((each) => each.process.stop(each.kind === 'redis' ? REDIS_STOP_MS : limit)));
    }
  }

  kill() {
    for (const member of this.#members) member.process.kill();
  }
}

/** Why it is not ready, or undefined if it is. @param {string} url @param {AbortSignal} signal */
async function askReady(url, signal) {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(5000)]) });
    const body = await response.text();
    return response.status === 200 ? undefined : reasonsIn(body);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return error instanceof Error && error.name === 'TimeoutError' ? 'it does not answer' : 'it does not listen yet';
  }
}

/** @param {string} body */
function reasonsIn(body) {
  try {
    return JSON.parse(body).reasons?.join(', ') ?? body;
  } catch {
    return body.slice(0, 200);
  }
}
