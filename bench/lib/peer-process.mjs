/**
 * A server that is not Quintet: started, awaited until it classifies, and stopped with all that it started.
 *
 * It gets a process group of its own and a file for its output: a pipe to the clients' process would make them read its logs
 * while they measure. Its temporary files lie beside that one and go with it. What is left after its SIGTERM is killed by the ids seen before, since frameworks put their processes
 * into further sessions and groups. So it is when the benchmark itself is interrupted: a detached server would live on.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killGroup, lastLines } from '../../scripts/lib/run-command.mjs';
import { post } from './load.mjs';
import { commandLine, processTree } from './processes.mjs';

/** The servers that run: their ids, and their folders. */
const running = /** @type {Map<number, string>} */ (new Map());
let guarded = false;

/** From the first server on: nothing of it outlives this process, however that ends but for SIGKILL. */
function guard() {
  if (guarded) return;
  guarded = true;
  process.once('exit', () => {
    for (const [root, folder] of running) {
      for (const pid of processTree(root)) kill(pid);
      rmSync(folder, { recursive: true, force: true });
    }
  });
  for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(name, () => process.exit(1));
}

const startSeconds = 90;
const stopSeconds = 20;

/**
 * @typedef {{ url: string, headers: Record<string, string>, pids: () => number[], stop: () => Promise<void> }} Running
 * @typedef {{ command: string, args: readonly string[], cwd?: string, env: Record<string, string>, url: string,
 *   headers: Record<string, string>, probe: Buffer }} Server `probe` is the body of a request that it must answer
 */

/** Resolves once the server has answered the probe with 200. @param {Server} server @returns {Promise<Running>} */
export async function startServer({ command, args, cwd, env, url, headers, probe }) {
  const folder = mkdtempSync(join(tmpdir(), 'peer-'));
  const log = join(folder, 'output.log');
  const file = openSync(log, 'w');
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, TMPDIR: folder, ...env },
    detached: true,
    stdio: ['ignore', file, file],
  });
  closeSync(file);
  guard();
  if (child.pid !== undefined) running.set(child.pid, folder);
  const exited = once(child, 'exit').catch((error) => [error.message]);
  let ended = /** @type {unknown[] | undefined} */ (undefined);
  void exited.then((outcome) => (ended = outcome));

  const stop = async () => {
    const before = new Map(
      (child.pid === undefined ? [] : processTree(child.pid)).map((pid) => [pid, commandLine(pid)]),
    );
    if (ended === undefined) child.kill('SIGTERM');
    await Promise.race([exited, sleep(stopSeconds * 1000, undefined, { ref: false })]);
    for (const [pid, line] of before) if (line !== '' && commandLine(pid) === line) kill(pid);
    killGroup(child.pid, 'SIGKILL');
    if (child.pid !== undefined) running.delete(child.pid);
    rmSync(folder, { recursive: true, force: true });
  };

  const agent = new Agent();
  let lastAnswer = 'no answer';
  const until = performance.now() + startSeconds * 1000;
  while (ended === undefined && performance.now() < until) {
    await sleep(200);
    try {
      const { status, body } = await post(agent, { url, headers, images: [], concurrency: 1 }, probe);
      if (status === 200) return { url, headers, pids: () => processTree(child.pid ?? 0), stop };
      lastAnswer = `${status} ${body.toString().slice(0, 200)}`;
    } catch {
      // It does not listen yet.
    }
  }
  const output = lastLines(readFileSync(log, 'utf8'), 12).join('\n');
  await stop();
  throw new Error(
    `${ended === undefined ? `did not serve within ${startSeconds} s (${lastAnswer})` : `ended with ${ended[0]}`}\n${output}`,
  );
}

/** @param {number} pid */
function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
