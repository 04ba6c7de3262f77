/** Tells the API, again and again, that this worker lives, what it serves, and how fast it is. */
import { heartbeatIntervalMs, type Logger, type Presence, type WorkerPresence } from '@quintet/shared';

export interface Heartbeat {
  /** Stops, and takes the worker off the list. */
  stop(): Promise<void>;
}

/** `rate` returns the images per second that the worker gets done while it has work; see rate-meter.ts. */
export async function startHeartbeat(
  presence: Presence,
  worker: Omit<WorkerPresence, 'rate'>,
  rate: () => number,
  logger: Logger,
): Promise<Heartbeat> {
  let running: Promise<void> | undefined;
  const beat = async (): Promise<void> => {
    await presence.announce({ ...worker, rate: Math.round(rate() * 100) / 100 });
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
