/**
 * Keeps Redis from running full. At `maxmemory` it refuses every write that takes memory, also those by which workers take
 * and end jobs: what lies there would stay. So submissions are refused before that, and the rest is for the jobs that
 * have been accepted.
 *
 * The memory is sampled at most every 500 ms; what this process let in since is counted on top. Several processes overshoot
 * by what the others let in meanwhile, and by no more.
 */
import { cached } from './cached.js';
import { storageFull } from './redis-guard.js';

const sampleMs = 500;

export interface MemoryGuardOptions {
  /** The part of `maxmemory` that submissions may fill, 0 to 1. */
  readonly part: number;
  /** Bytes in use, and `maxmemory`; 0: none. */
  readonly memory: () => Promise<{ readonly used: number; readonly limit: number }>;
  readonly now?: () => number;
}

export class MemoryGuard {
  readonly #sample: () => Promise<{ used: number; limit: number; added: number }>;

  constructor(private readonly options: MemoryGuardOptions) {
    const load = async () => ({ ...(await options.memory()), added: 0 });
    this.#sample = cached(sampleMs, load, options.now);
  }

  /** Takes room for a submission of about `bytes`, or throws `storage_full`. */
  async check(bytes: number): Promise<void> {
    const sample = await this.#sample();
    if (sample.limit === 0) return;
    if (sample.used + sample.added + bytes > sample.limit * this.options.part) throw storageFull();
    sample.added += bytes;
  }
}
