/**
 * Preloaded into a worker process by tests: at each SIGUSR2 an inference thread ends, in the middle of whatever it runs.
 * Inference threads are the first that the worker starts; those that replace them come after the preprocessing.
 */
const threads = [];
process.on('worker', (thread) => threads.push(thread));
process.on('SIGUSR2', () => {
  void threads.shift()?.terminate();
});
