/**
 * Preloaded into a worker process by tests: the model hangs on a picture that is magenta all over.
 * HANG_IN=script: for ever, in JavaScript, where a thread can be ended. HANG_IN=native: in a system call, where it cannot.
 * HANG_UNTIL=<a named pipe>: until something is written to it.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, readSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, workerData } from 'node:worker_threads';

if (!isMainThread && workerData?.logits !== undefined) {
  const { InferenceSession } = await import('onnxruntime-node');
  const { run } = InferenceSession.prototype;
  InferenceSession.prototype.run = function runOrHang(feeds, ...rest) {
    for (const { data, dims } of Object.values(feeds)) if (hasMagenta(data, dims)) hang();
    return run.call(this, feeds, ...rest);
  };
}

/** Of a batch NCHW, normalised by whatever mean: red and blue are at their most, green at its least, in the corners and in the middle. */
function hasMagenta(data, [rows, channels, height, width]) {
  const plane = height * width;
  for (let row = 0; row < rows; row += 1) {
    const at = (channel, pixel) => data[(row * channels + channel) * plane + pixel];
    const isMagenta = (pixel) => at(0, pixel) > 0.97 && at(1, pixel) < -0.96 && at(2, pixel) > 0.97;
    if (isMagenta(0) && isMagenta(plane >> 1) && isMagenta(plane - 1)) return true;
  }
  return false;
}

/** Opened for both, so that opening does not wait. */
const waitFor = (pipe) => readSync(openSync(pipe, 'r+'), Buffer.alloc(1));

function hang() {
  const { HANG_UNTIL } = process.env;
  if (HANG_UNTIL !== undefined) {
    waitFor(HANG_UNTIL);
    return;
  }
  if (process.env.HANG_IN === 'native') {
    const pipe = join(mkdtempSync(join(tmpdir(), 'quintet-hang-')), 'pipe');
    execFileSync('mkfifo', [pipe]);
    waitFor(pipe);
  }
  for (;;);
}
