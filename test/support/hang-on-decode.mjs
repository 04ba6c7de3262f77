/**
 * Preloaded into a worker process by tests: decoding hangs on a picture with this comment, in a system call, where its thread cannot be
 * ended: as native code with a fault in it would.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, readSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

const marker = Buffer.from('quintet-test-hang');

if (!isMainThread && workerData?.options?.spec !== undefined) {
  const { on } = parentPort;
  parentPort.on = (event, listener) =>
    on.call(parentPort, event, (message) => {
      if (message?.bytes instanceof ArrayBuffer && Buffer.from(message.bytes).includes(marker)) hangForEver();
      listener(message);
    });
}

function hangForEver() {
  const pipe = join(mkdtempSync(join(tmpdir(), 'quintet-hang-')), 'pipe');
  execFileSync('mkfifo', [pipe]);
  // Opened for both, so that opening does not wait; nobody ever writes.
  readSync(openSync(pipe, 'r+'), Buffer.alloc(1));
}
