/** How fast a queue is drained, and what follows for those who wait in it. */
import type { QueuePlace, WorkerPresence } from '@quintet/shared';

/** Images per second that `workers` get done together while they have work; 0 where none lives or none knows yet. */
export function drainRate(workers: readonly Pick<WorkerPresence, 'rate'>[]): number {
  return workers.reduce((sum, worker) => sum + worker.rate, 0);
}

/**
 * Seconds until the job with `position` others before it has ended, to two significant digits (more would change with every
 * heartbeat); undefined where no rate is known.
 */
export function etaSeconds(position: number, rate: number): number | undefined {
  return rate > 0 ? Number(((position + 1) / rate).toPrecision(2)) : undefined;
}

/** What a client is told of a job with `position` others before it. */
export function queuePlace(position: number, rate: number): QueuePlace {
  const eta = etaSeconds(position, rate);
  return { position, ...(eta === undefined ? {} : { eta_seconds: eta }) };
}

/** Those of `workers` that serve `model`. */
export function servingWorkers(workers: readonly WorkerPresence[], model: string): WorkerPresence[] {
  return workers.filter((worker) => worker.model.name === model);
}
