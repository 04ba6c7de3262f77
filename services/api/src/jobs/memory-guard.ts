/**
 * Keeps Redis from running full. At `maxmemory` it refuses every write that takes memory, also those by which workers take
 * and end jobs: what lies there would stay. So submissions are refused before that, and the rest is for the jobs that
 * have been accepted.
 *
 * What a body says of its length, where it says anything, is only looked at, so that an upload that has no room is not read. What
 * is counted is what is about to be written, of whatever body it came: a chunked one, a packed one, one of many pictures.
 *
 * The memory is sampled at most every 500 ms; what this process has written since is counted on top. Several processes overshoot
 * by what the others write meanwhile, and by no more.
 */
import { cached } from './cached.js';
import { storageFull } from './redis-guard.js';

const sampleMs = 500;

/** Of a waiting job beside what its client gave: its record, its entries in queues, and what Redis needs for their keys. */
const bytesPerJob = 4096;

export interface MemoryGuardOptions {
  /** The part of `maxmemory` that submissions may fill, 0 to 1. */
  readonly part: number;
  /** Bytes in use, and `maxmemory`; 0: none. */
  readonly memory: () => Promise<{ readonly used: number; readonly limit: number }>;
  readonly now?: () => number;
}

interface Sample {
  readonly used: number;
  readonly limit: number;
  /** Bytes that were written since. */
  added: number;
}

export class MemoryGuard {
  readonly #sample: () => Promise<Sample>;

  constructor(private readonly options: MemoryGuardOptions) {
    const load = async (): Promise<Sample> => ({ ...(await options.memory()), added: 0 });
    this.#sample = cached(sampleMs, load, options.now);
  }

  /** Throws `storage_full` where there is no room for a submission of about `bytes`. Takes none. */
  async check(bytes: number): Promise<void> {
    this.#requireRoom(await this.#sample(), bytes);
  }

  /**
   * Takes room for `bytes` that clients gave, and for `jobs` that are queued with them; to be called right before they are written,
   * since what is not there at the next look is forgotten.
   */
  async take(bytes: number, jobs: number): Promise<void> {
    const sample = await this.#sample();
    const size = bytes + jobs * bytesPerJob;
    this.#requireRoom(sample, size);
    sample.added += size;
  }

  #requireRoom({ used, added, limit }: Sample, bytes: number): void {
    if (limit > 0 && used + added + bytes > limit * this.options.part) throw storageFull();
  }
}
