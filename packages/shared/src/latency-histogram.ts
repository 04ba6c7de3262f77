/**
 * Latencies as counts in fixed buckets: what was counted in many places adds up, and percentiles of the sum are those of all
 * jobs together, which no average of percentiles is.
 *
 * Bucket 0 holds up to 0.125 ms; each further one ends 2^(1/32) (2.2 %) higher, the last at 37 hours and beyond. A percentile
 * is told as the middle of its bucket, in proportion: within 2 % of the true value, rounding included.
 */
const leastMs = 0.125;
const bucketsPerDoubling = 32;
const lastBucket = 30 * bucketsPerDoubling;

export const latencyBuckets = lastBucket + 1;

/** How far a percentile may be from the true value, as a part of it. Of less than 0.125 ms it says only that. */
export const latencyError = 0.02;

/** The bucket of a latency in milliseconds: from 0 on, less than `latencyBuckets`. */
export function latencyBucket(ms: number): number {
  if (!(ms > leastMs)) return 0;
  return Math.min(lastBucket, Math.ceil(Math.log2(ms / leastMs) * bucketsPerDoubling));
}

/** Milliseconds, to three significant digits, in the middle of a bucket. */
export function bucketMiddle(bucket: number): number {
  return Number((leastMs * 2 ** ((bucket - 0.5) / bucketsPerDoubling)).toPrecision(3));
}

/** Jobs by bucket. */
export class LatencyHistogram {
  readonly #jobs = new Uint32Array(latencyBuckets);
  #count = 0;

  /** Counts a job in a bucket; one that there is not is passed over. */
  add(bucket: number): void {
    const jobs = this.#jobs[bucket];
    if (jobs === undefined) return;
    this.#jobs[bucket] = jobs + 1;
    this.#count += 1;
  }

  /** Milliseconds that the part `part` (0 to 1) of the jobs did not exceed, by nearest rank; undefined of no jobs. */
  quantile(part: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil(this.#count * part));
    let seen = 0;
    const bucket = this.#jobs.findIndex((jobs) => (seen += jobs) >= rank);
    return bucketMiddle(bucket);
  }
}
