import { DEFAULT_PREPROCESS } from '@quintet/models';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputRange } from './measure-ranges.js';
import { ValueHistogram, calibrationMethods } from './value-histogram.js';

const value = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });
const pictures = fc.array(fc.array(value, { minLength: 1, maxLength: 50 }), { minLength: 1, maxLength: 6 });

function histogramOf(parts: readonly (readonly number[])[]): ValueHistogram {
  const histogram = new ValueHistogram();
  for (const part of parts) histogram.add(Float32Array.from(part));
  return histogram;
}

/** A bell of 20,000 values with a few far beyond it: the same numbers each time. */
const bell = Array.from({ length: 20_000 }, (_, i) => {
  const uniform = (k: number) => (((i + 1) * (k * 2654435761)) % 4294967296) / 4294967296;
  return [1, 2, 3, 5, 7, 11].reduce((sum, k) => sum + uniform(k), -3);
});

describe('ValueHistogram', () => {
  it('has the lowest and the highest value, and 0, whatever the order of the pictures', () => {
    fc.assert(
      fc.property(pictures, (parts) => {
        const values = [0, ...parts.flat()];
        const found = histogramOf(parts);
        expect(found.range('minmax')).toEqual({ low: Math.min(...values) + 0, high: Math.max(...values) + 0 });
        const other = histogramOf([...parts].reverse());
        for (const method of calibrationMethods) expect(other.range(method)).toEqual(found.range(method));
      }),
      { numRuns: 15 },
    );
  });

  it('gives ranges within the measured one, with 0 in them', () => {
    fc.assert(
      fc.property(pictures, (parts) => {
        const histogram = histogramOf(parts);
        const whole = histogram.range('minmax');
        for (const method of calibrationMethods) {
          const { low, high } = histogram.range(method);
          expect(low).toBeGreaterThanOrEqual(whole.low);
          expect(high).toBeLessThanOrEqual(whole.high);
          expect(low).toBeLessThanOrEqual(0);
          expect(high).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('clips one value of 20,000 that lies far beyond the others, by percentile and by entropy', () => {
    const peak = bell.reduce((most, each) => Math.max(most, each), 0);
    const histogram = histogramOf([bell, [40]]);
    expect(histogram.range('minmax').high).toBe(40);
    expect(histogram.range('percentile').high).toBeLessThan(peak * 1.01);
    expect(histogram.range('percentile').high).toBeGreaterThan(peak * 0.8);
    expect(histogram.range('entropy').high).toBeLessThan(40);
    expect(histogram.range('entropy').high).toBeGreaterThan(peak * 0.5);
  });

  it('refuses what is not finite', () => {
    expect(() => histogramOf([[1, Number.NaN]])).toThrow(RangeError);
    expect(() => histogramOf([[1, Number.NEGATIVE_INFINITY]])).toThrow(RangeError);
  });
});

describe('inputRange', () => {
  it('is all that normalisation makes of bytes', () => {
    const range = inputRange(DEFAULT_PREPROCESS);
    expect(range.low).toBeCloseTo(-0.485 / 0.229, 6);
    expect(range.high).toBeCloseTo(0.594 / 0.225, 6);
  });
});
