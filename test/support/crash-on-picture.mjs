/**
 * Preloaded into a worker process by tests: it dies when it decodes a picture with this comment, as it would where native code
 * has a hole. What is beside it in the process is in the middle of its own work by then.
 */
import { Worker, isMainThread } from 'node:worker_threads';

const marker = Buffer.from('quintet-test-crash');

if (isMainThread) {
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function post(message, transfer) {
    if (message?.bytes instanceof ArrayBuffer && Buffer.from(message.bytes).includes(marker)) {
      setTimeout(() => process.kill(process.pid, 'SIGSEGV'), 50);
      return;
    }
    postMessage.call(this, message, transfer);
  };
}
