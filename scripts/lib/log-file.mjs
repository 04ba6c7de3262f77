/** The full log of one service on disk: the run before is kept as `<name>.log.1`, and so is what outgrows the limit. */
import { closeSync, existsSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const LIMIT_BYTES = 20 * 1024 * 1024;

/** @param {string} dataDir @param {string} name @param {number} [limit] bytes of one file */
export function openLogFile(dataDir, name, limit = LIMIT_BYTES) {
  const path = join(dataDir, 'logs', `${name}.log`);
  let size = 0;
  const open = () => {
    if (existsSync(path)) renameSync(path, `${path}.1`);
    size = 0;
    return openSync(path, 'w', 0o600);
  };
  let fd = open();
  let failed = false;
  return {
    path,
    /** @param {string} text a line without its end */
    write: (text) => {
      if (failed) return;
      try {
        if (size > limit) {
          closeSync(fd);
          fd = open();
        }
        size += writeSync(fd, `${text}\n`);
      } catch {
        // A full disk must not stop the services; their lines still reach the terminal.
        failed = true;
      }
    },
  };
}
