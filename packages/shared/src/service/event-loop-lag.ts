/** Samples by how much timers come late: what every other callback of the thread has to wait. */
const intervalMs = 50;

/** Reports the lag in seconds, about 20 times a second (each wakes an idle process), until the returned function is called. */
export function observeEventLoopLag(report: (seconds: number) => void): () => void {
  let due = performance.now() + intervalMs;
  const timer = setInterval(() => {
    const now = performance.now();
    report(Math.max(0, now - due) / 1000);
    due = now + intervalMs;
  }, intervalMs);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
