/**
 * Backpressure at the door: a submit is refused while its model's queue is full.
 *
 * The depth is sampled at most every 250 ms; what this process added since is counted on top, so that a burst between two
 * samples overshoots by what other replicas added in that time, and by no more.
 */
import { ProblemError } from '@quintet/shared';
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
  /** Images per second at which the queue of a model is drained. */
  readonly rateOf: (model: string) => Promise<number>;
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

  /**
   * Throws `queue_full` where a job of whichever of `models` would be refused; takes no place. For submissions of which is
   * not known yet for what model they are, and none of which need be read then.
   */
  async refuseFull(models: readonly string[]): Promise<void> {
    const samples = await Promise.all(models.map(async (model) => ({ model, sample: await this.#sample(model) })));
    const [first] = samples;
    if (first === undefined || samples.some(({ sample }) => this.#fits(sample, 1))) return;
    throw await this.#full(first.model, first.sample, 1);
  }

  #fits({ depth, added }: Sample, places: number): boolean {
    return depth + added + places <= this.options.maxDepth;
  }

  async #full(model: string, sample: Sample, places: number): Promise<ProblemError> {
    const { maxDepth } = this.options;
    const depth = sample.depth + sample.added;
    const seconds = retryAfterSeconds(depth + places - maxDepth, await this.options.rateOf(model));
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

/** Whole seconds, 1 to 60, in which `excess` jobs are drained at `rate` a second. */
export function retryAfterSeconds(excess: number, rate: number): number {
  if (rate <= 0) return longestRetrySeconds;
  return Math.min(longestRetrySeconds, Math.max(1, Math.ceil(excess / rate)));
}
