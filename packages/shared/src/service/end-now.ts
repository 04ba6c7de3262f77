/** How a process ends that cannot end in order. */

/**
 * Ends this process here and now, by `signal`, as if another process had sent it: who waits for it sees SIGTERM as 143, SIGINT
 * as 130, SIGKILL as 137.
 *
 * `process.exit()` does not do that. It waits for every thread, and one that hangs in native code never ends. A thread that it
 * interrupts within ONNX Runtime throws `Napi::Error` where nobody catches, and the process is aborted. And it runs the exit
 * handlers, which may wait for a pipe that nobody reads any more.
 */
export function endNow(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL' = 'SIGKILL'): never {
  // A signal that nobody listens for does what it does to any program.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // Still here: the first process of a container is spared by every signal that it does not listen for, even by its own SIGKILL.
  // It can only crash. (Our images start with an init; this is for those that do not.)
  process.kill(process.pid, 'SIGKILL');
  process.abort();
}
