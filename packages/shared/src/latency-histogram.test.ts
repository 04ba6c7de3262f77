import { describe, expect, it } from 'vitest';
import { bucketMiddle, latencyBucket, latencyBuckets, latencyError, LatencyHistogram } from './latency-histogram.js';

/** Spread over six decades, the same on every run. */
function latencies(count: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return 0.2 * 10 ** ((state / 2 ** 31) * 6);
  });
}

const exact = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.max(1, Math.ceil(values.length * part)) - 1] ?? NaN;

describe('latencyBucket', () => {
  it('tells every latency within the error that is promised', () => {
    const errors = latencies(10_000, 1).map((ms) => Math.abs(bucketMiddle(latencyBucket(ms)) / ms - 1));
    expect(Math.max(...errors)).toBeLessThan(latencyError);
  });

  it('has a place for the least, the longest, and what is no latency', () => {
    expect([0, -3, NaN, 0.125].map(latencyBucket)).toEqual([0, 0, 0, 0]);
    expect(latencyBucket(0.1251)).toBe(1);
    expect([1e12, Infinity].map(latencyBucket)).toEqual([latencyBuckets - 1, latencyBuckets - 1]);
  });
});

describe('LatencyHistogram', () => {
  it('tells the percentiles of all values together, wherever they come from', () => {
    const values = [latencies(5000, 7), latencies(300, 8).map((ms) => ms * 40), latencies(11, 9)].flat();
    const histogram = new LatencyHistogram();
    for (const ms of values) histogram.add(latencyBucket(ms));
    for (const part of [0, 0.5, 0.9, 0.99, 1]) {
      expect(Math.abs((histogram.quantile(part) ?? NaN) / exact(values, part) - 1)).toBeLessThan(latencyError);
    }
  });

  it('knows nothing of no values, and counts none that it has no place for', () => {
    const histogram = new LatencyHistogram();
    for (const bucket of [-1, NaN, latencyBuckets, 0.5]) histogram.add(bucket);
    expect(histogram.quantile(0.5)).toBeUndefined();
    histogram.add(3);
    expect(histogram.quantile(0)).toBe(bucketMiddle(3));
  });
});
