import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { filterChunks, float32Values } from '../onnx/weights.js';
import { quantizeFilter, WEIGHT_LIMIT } from './quantized-filters.js';

const weight = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 });
const filter = fc.array(weight, { minLength: 1, maxLength: 600 }).map((values) => Float32Array.from(values));
const limits = fc.constantFrom(WEIGHT_LIMIT.full, WEIGHT_LIMIT.narrow);

function quantize(weights: Float32Array, limit: number, leastScale = 0): { scale: number; values: Int8Array } {
  const values = new Int8Array(weights.length);
  return { scale: quantizeFilter(weights, values, { limit, leastScale }), values };
}

const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0);

describe('quantizeFilter', () => {
  it('stays in its range, within a step of each weight and half a step of their sum', () => {
    fc.assert(
      fc.property(filter, limits, (weights, limit) => {
        const { scale, values } = quantize(weights, limit);
        expect(scale).toBeGreaterThan(0);
        expect(Math.fround(scale)).toBe(scale);
        values.forEach((value, index) => {
          expect(Math.abs(value)).toBeLessThanOrEqual(limit);
          expect(Math.abs((weights[index] ?? 0) - value * scale)).toBeLessThanOrEqual(scale * 1.0001);
        });
        expect(Math.abs(sum(weights) - sum(values) * scale)).toBeLessThanOrEqual(scale * 0.501);
      }),
      { numRuns: 300 },
    );
  });

  it('uses the whole range and keeps the order of the weights, but for one step', () => {
    fc.assert(
      fc.property(filter, limits, (weights, limit) => {
        const { values } = quantize(weights, limit);
        if (weights.every((each) => each === 0)) return;
        const peak = weights.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
        fc.pre(peak > 1e-20);
        expect(Math.max(...Array.from(values, Math.abs))).toBeGreaterThanOrEqual(limit - 1);
        const order = [...weights.keys()].sort((a, b) => (weights[a] ?? 0) - (weights[b] ?? 0));
        order.slice(1).forEach((index, place) => {
          expect(values[index]).toBeGreaterThanOrEqual((values[order[place] ?? 0] ?? 0) - 1);
        });
      }),
    );
  });

  it('keeps a long filter of zero sum at zero, where plain rounding would shift its channel', () => {
    const bank = { seed: 3, stream: 'x', filters: 20, fanIn: 4608, std: 0.02, centred: true };
    const weights = float32Values(Buffer.concat([...filterChunks(bank)]));
    for (let row = 0; row < bank.filters; row += 1) {
      const own = weights.subarray(row * bank.fanIn, (row + 1) * bank.fanIn);
      const { scale, values } = quantize(own, WEIGHT_LIMIT.narrow);
      expect(sum(values)).toBe(0);
      // Nearly all are rounded to the nearest: the error is that of rounding, a step over the root of 12.
      const squares = values.reduce((total, value, index) => total + ((own[index] ?? 0) / scale - value) ** 2, 0);
      expect(Math.sqrt(squares / bank.fanIn)).toBeLessThan(1.05 / Math.sqrt(12));
    }
  });

  it('makes zeros of zeros, with a scale that can be divided by', () => {
    expect(quantize(new Float32Array(9), 64)).toEqual({ scale: 1, values: new Int8Array(9) });
    expect(quantize(Float32Array.of(1e-40, -1e-42), 64)).toEqual({ scale: 1, values: new Int8Array(2) });
  });

  it('takes larger steps where the bias needs them', () => {
    expect(quantize(Float32Array.of(1, -0.5), 127, 0.25)).toEqual({ scale: 0.25, values: Int8Array.of(4, -2) });
    expect(quantize(Float32Array.of(1e-6, 0), 127, 2)).toEqual({ scale: 2, values: Int8Array.of(0, 0) });
  });

  it('refuses what is not a number', () => {
    expect(() => quantize(Float32Array.of(1, Number.NaN), 127)).toThrow(RangeError);
    expect(() => quantize(Float32Array.of(Number.POSITIVE_INFINITY), 127)).toThrow(RangeError);
  });
});
