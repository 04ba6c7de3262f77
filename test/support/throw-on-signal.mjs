/** Preloaded into a service by tests: at SIGUSR2 an error is thrown that nobody catches. */
process.on('SIGUSR2', () => {
  throw new Error('thrown by a test');
});
