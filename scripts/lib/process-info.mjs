/** Which process has a number that a file remembers: numbers are used again, so the command line is looked at too. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** The number in a pid file; undefined where there is none. @param {string} file @returns {number | undefined} */
export function readPid(file) {
  if (!existsSync(file)) return undefined;
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}

/** @param {number} pid */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/** Whether `pid` lives and its command line matches. @param {number} pid @param {RegExp} pattern */
export function runs(pid, pattern) {
  if (!isAlive(pid)) return false;
  try {
    const command = existsSync('/proc/self/cmdline')
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      : execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' });
    return pattern.test(command);
  } catch {
    return false;
  }
}

/** Whether it was gone within `ms`. @param {number} pid @param {number} ms */
export async function waitUntilGone(pid, ms) {
  const limit = performance.now() + ms;
  while (isAlive(pid)) {
    if (performance.now() > limit) return false;
    await delay(50);
  }
  return true;
}
