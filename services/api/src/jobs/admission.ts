/**
 * Backpressure at the door: a submit is refused while its model's queue is full.
 *
 * The depth is sampled at most every 250 ms; what this process added since is counted on top, so that a burst between two
 * samples overshoots by what other replicas added in that time, and by no more.
 */
import { ProblemError, type WorkerPresence } from '@quintet/shared';
import { cached } from './cached.js';
import { drainRate, servingWorkers } from './drain-rate.js';

const sampleMs = 250;
const longestRetrySeconds = 60;

interface Sample {
  readonly depth: number;
  added: number;
}

export interface AdmissionOptions {
  readonly maxDepth: number;
  /** Waiting jobs of a model. */
  readonly waiting: (model: string) => Promise<number>;
  readonly workers: () => Promise<readonly WorkerPresence[]>;
}

export class Admission {
  readonly #samples = new Map<string, () => Promise<Sample>>();

  constructor(private readonly options: AdmissionOptions) {}

  /** Takes a place in the queue of `model`, or throws `queue_full` with the time after which there may be one. */
  async admit(model: string): Promise<void> {
    const sample = await this.#sample(model);
    const depth = sample.depth + sample.added;
    if (depth >= this.options.maxDepth) throw await this.#full(model, depth);
    sample.added += 1;
  }

  /**
   * Throws `queue_full` where a job of whichever of `models` would be refused; takes no place. For submissions of which is
   * not known yet for what model they are, and none of which need be read then.
   */
  async refuseFull(models: readonly string[]): Promise<void> {
    const samples = await Promise.all(
      models.map(async (model) => {
        const { depth, added } = await this.#sample(model);
        return { model, depth: depth + added };
      }),
    );
    const [first] = samples;
    if (first === undefined || samples.some(({ depth }) => depth < this.options.maxDepth)) return;
    throw await this.#full(first.model, first.depth);
  }

  async #full(model: string, depth: number): Promise<ProblemError> {
    const { maxDepth } = this.options;
    const workers = servingWorkers(await this.options.workers(), model);
    const seconds = retryAfterSeconds(depth - maxDepth + 1, workers);
    return new ProblemError(
      'queue_full',
      `${depth} jobs wait for ${model}, and ${maxDepth} may. Try again in ${seconds} s.`,
      { headers: { 'Retry-After': String(seconds) } },
    );
  }

  async #sample(model: string): Promise<Sample> {
    let sample = this.#samples.get(model);
    if (sample === undefined) {
      sample = cached(sampleMs, async () => ({ depth: await this.options.waiting(model), added: 0 }));
      this.#samples.set(model, sample);
    }
    return sample();
  }
}

/** Whole seconds, 1 to 60, in which `workers` drain `excess` jobs at the rate that they have while they work. */
export function retryAfterSeconds(excess: number, workers: readonly Pick<WorkerPresence, 'rate'>[]): number {
  const rate = drainRate(workers);
  if (rate <= 0) return longestRetrySeconds;
  return Math.min(longestRetrySeconds, Math.max(1, Math.ceil(excess / rate)));
}
