/**
 * Backpressure at the door: a submit is refused while its model's queue is full.
 *
 * The depth is sampled at most every 250 ms; what this process added since is counted on top, so that a burst between two
 * samples overshoots by what other replicas added in that time, and by no more.
 */
import { ProblemError, type WorkerPresence } from '@quintet/shared';
import { cached } from './cached.js';

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

  /**
   * Takes places in the queue of `model`, all of them or none, or throws `queue_full` with the time after which there may be
   * enough.
   */
  async admit(model: string, places = 1): Promise<void> {
    const sample = await this.#sample(model);
    if (!this.#fits(sample, places)) throw await this.#full(model, sample, places);
    sample.added += places;
  }

  /** Throws as `admit` does, and takes nothing. */
  async check(model: string): Promise<void> {
    const sample = await this.#sample(model);
    if (!this.#fits(sample, 1)) throw await this.#full(model, sample, 1);
  }

  #fits({ depth, added }: Sample, places: number): boolean {
    return depth + added + places <= this.options.maxDepth;
  }

  async #full(model: string, sample: Sample, places: number): Promise<ProblemError> {
    const { maxDepth } = this.options;
    const depth = sample.depth + sample.added;
    const workers = (await this.options.workers()).filter((worker) => worker.model.name === model);
    const seconds = retryAfterSeconds(depth + places - maxDepth, workers);
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

/** Whole seconds, 1 to 60, in which `workers` drain `excess` jobs at the rate they last reported. */
export function retryAfterSeconds(excess: number, workers: readonly Pick<WorkerPresence, 'rate'>[]): number {
  const rate = workers.reduce((sum, worker) => sum + worker.rate, 0);
  if (rate <= 0) return longestRetrySeconds;
  return Math.min(longestRetrySeconds, Math.max(1, Math.ceil(excess / rate)));
}
