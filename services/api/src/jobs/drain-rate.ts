/**
 * How fast the queue of each model is drained now: what ETA and Retry-After are made of.
 *
 * Workers say what they can do; whether they do it only the queue tells. A queue stands where it is paused, and where the job at
 * its front stays there although workers live: they may hang, or take nothing for another reason. It moves again when that
 * job has left. A job without a priority goes before all that have one, so another one at the front is no sign by itself.
 * Trade-off: nobody looks at a queue that nobody asks about, so a queue that stands is found out by the second question.
 */
import type { QueuePlace, WorkerPresence } from '@quintet/shared';
import { cached } from './cached.js';
import type { QueueFront } from './queues.js';

const cacheMs = 500;
/** How long the front may stay while the queue moves: some times what workers hold, and never less than this. */
const leastPatienceMs = 10_000;
const patienceInHeld = 3;
/** Workers hold twice what their streams run at once. */
const heldPerPlace = 2;

export interface DrainRatesOptions {
  /** What is at the front of the queue of `model`, and whether `former`, which was there, waits still. */
  readonly front: (model: string, former: string | undefined) => Promise<QueueFront>;
  readonly workers: () => Promise<readonly WorkerPresence[]>;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

export class DrainRates {
  readonly #rates = new Map<string, () => Promise<number>>();
  /** The job at the front when it was looked at last, and since when none has left it. */
  readonly #fronts = new Map<string, { readonly id: string; readonly since: number }>();

  constructor(private readonly options: DrainRatesOptions) {}

  /** Images per second, at most half a second old; 0 where the queue stands or no rate is known. */
  of(model: string): Promise<number> {
    let rate = this.#rates.get(model);
    if (rate === undefined) {
      rate = cached(cacheMs, () => this.#look(model), this.options.now);
      this.#rates.set(model, rate);
    }
    return rate();
  }

  async #look(model: string): Promise<number> {
    const { front, workers, now = () => performance.now() } = this.options;
    const serving = servingWorkers(await workers(), model);
    const rate = drainRate(serving);
    const former = this.#fronts.get(model);
    const { paused, id, formerWaits } = await front(model, former?.id);
    const at = now();
    // Time in which nobody could take it says nothing of those that can.
    if (paused || rate === 0 || id === undefined) {
      this.#fronts.delete(model);
      return paused ? 0 : rate;
    }
    const since = former !== undefined && formerWaits ? former.since : at;
    this.#fronts.set(model, { id, since });
    return at - since > patienceMs(serving, rate) ? 0 : rate;
  }
}

function patienceMs(workers: readonly WorkerPresence[], rate: number): number {
  const held = workers.reduce((sum, worker) => sum + heldPerPlace * worker.streams * worker.max_batch_size, 0);
  return Math.max(leastPatienceMs, (1000 * patienceInHeld * held) / rate);
}

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
