/**
 * Preloaded into a worker process by tests: at each SIGUSR2 an inference thread dies of an error that nobody caught, when it has
 * done the run that it is in, with the next one assigned to it. (`terminate()` in the middle of a run would make the native
 * code throw where nobody catches, and end the process.)
 * Of those that live, inference threads are the first that the worker starts (the one that reads how the model ends is gone by
 * then); those that replace them come after the preprocessing.
 */
const threads = [];
process.on('worker', (thread) => {
  threads.push(thread);
  thread.once('exit', () => {
    if (threads.includes(thread)) threads.splice(threads.indexOf(thread), 1);
  });
});
process.on('SIGUSR2', () => {
  threads.shift()?.postMessage({ slots: undefined });
});
