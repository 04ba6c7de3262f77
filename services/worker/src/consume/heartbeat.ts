/** Tells the API, again and again, that this worker lives, what it serves, how fast it is and how busy. */
import { heartbeatIntervalMs, type ClassLabel, type Logger, type Presence, type WorkerPresence } from '@quintet/shared';
import type { StreamPool } from '../inference/stream-pool.js';
import type { RateMeter } from './rate-meter.js';

export interface Heartbeat {
  /** Stops, and takes the worker off the list. */
  stop(): Promise<void>;
}

/** `meter` and `pool` are read anew for each beat. */
export async function startHeartbeat(
  presence: Presence,
  worker: Omit<WorkerPresence, 'rate' | 'usage'>,
  labels: readonly ClassLabel[],
  meter: RateMeter,
  pool: StreamPool,
  logger: Logger,
): Promise<Heartbeat> {
  let running: Promise<void> | undefined;
  const beat = async (): Promise<void> => {
    const usage = {
      load: Math.round(pool.takeLoad() * 1000) / 1000,
      active: meter.held,
      memory_bytes: process.memoryUsage.rss(),
    };
    await presence.announce({ ...worker, rate: Math.round(meter.rate() * 100) / 100, usage });
    // A Redis that was emptied has to be told them again; they are too large for every beat.
    if (!(await presence.hasLabels(worker.model.name))) await presence.announceLabels(worker.model, labels);
  };
  await presence.announceLabels(worker.model, labels);
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
