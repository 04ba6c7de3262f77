/**
 * Preloaded into a worker process by tests: at each SIGUSR2 an inference thread dies of an error that nobody caught, when it has
 * done the run that it is in, with the next one assigned to it. (`terminate()` in the middle of a run would make the native
 * code throw where nobody catches, and end the process.)
 * Inference threads are the first that the worker starts; those that replace them come after the preprocessing.
 */
const threads = [];
process.on('worker', (thread) => threads.push(thread));
process.on('SIGUSR2', () => {
  threads.shift()?.postMessage({ slots: undefined });
});
