/**
 * One `npm start` for each DATA_DIR: two Redis servers on one append-only file would destroy it.
 * The lock is a file with the process's number; one whose process has gone is taken over.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPid, runs } from './process-info.mjs';
import { StepError } from './report.mjs';

/** Returns what releases the lock. @param {string} dataDir */
export function lockDataDir(dataDir) {
  const file = join(dataDir, 'start.pid');
  makeDataDir(dataDir);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(file, `${process.pid}\n`, { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    const holder = readPid(file);
    if (holder !== undefined && holder !== process.pid && runs(holder, /start\.mjs/)) {
      throw new StepError(
        `Quintet already runs on ${dataDir} (process ${holder}).`,
        'Stop it with Ctrl-C, or start a second one beside it: DATA_DIR=./.quintet-2 PORT=3001 npm start',
      );
    }
    rmSync(file, { force: true });
  }
  throw new StepError(`Another npm start has just taken ${dataDir}.`, 'Wait for that one to be ready, or stop it.');
}

/** @param {string} dataDir */
export function makeDataDir(dataDir) {
  try {
    mkdirSync(join(dataDir, 'logs'), { recursive: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StepError(`DATA_DIR cannot be used: ${reason}`, 'Set DATA_DIR to a folder that this user may write to.');
  }
}
