/** Tells the API, again and again, that this worker lives, what it serves, and how fast it is. */
import { heartbeatIntervalMs, type Logger, type Presence, type WorkerPresence } from '@quintet/shared';

export interface Heartbeat {
  /** Stops, and takes the worker off the list. */
  stop(): Promise<void>;
}

/** `takeCount` returns the images classified since it was last called. */
export async function startHeartbeat(
  presence: Presence,
  worker: Omit<WorkerPresence, 'rate'>,
  takeCount: () => number,
  logger: Logger,
): Promise<Heartbeat> {
  let rate = 0;
  let last = performance.now();
  let running: Promise<void> | undefined;
  const beat = async (): Promise<void> => {
    const now = performance.now();
    const sample = (takeCount() * 1000) / Math.max(1, now - last);
    last = now;
    // Smoothed over a few beats; an idle worker keeps the memory of how fast it was.
    if (sample > 0) rate = rate === 0 ? sample : rate * 0.7 + sample * 0.3;
    await presence.announce({ ...worker, rate: Math.round(rate * 100) / 100 });
  };
  await beat();
  const timer = setInterval(() => {
    // While Redis is away one beat waits for it; more would only pile up.
    running ??= beat()
      .catch((error: unknown) => {
        logger.warn({ error }, 'heartbeat failed');
      })
      .finally(() => {
        running = undefined;
      });
  }, heartbeatIntervalMs);
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
      await presence.withdraw(worker.id);
    },
  };
}
