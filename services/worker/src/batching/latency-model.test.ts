import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LatencyModel } from './latency-model.js';

describe('LatencyModel', () => {
  it('gives back what was measured, lies between its neighbours, and goes on with the last slope', () => {
    const model = new LatencyModel(
      new Map([
        [4, 10],
        [1, 3],
        [2, 4],
      ]),
    );
    expect([1, 2, 3, 4, 6].map((size) => model.estimate(size))).toEqual([3, 4, 7, 10, 16]);
    expect(new LatencyModel(new Map([[1, 5]])).estimate(3)).toBe(15);
  });

  it('needs the latency of one image', () => {
    expect(() => new LatencyModel(new Map([[2, 4]]))).toThrow(RangeError);
  });

  it('follows a machine that became slower, at every size', () => {
    const model = new LatencyModel(
      new Map([
        [1, 10],
        [4, 30],
      ]),
    );
    for (let run = 0; run < 60; run += 1) model.observe(4, 60);
    expect(model.estimate(1)).toBeCloseTo(20, 0);
    model.observe(1, Number.NaN);
    expect(model.estimate(4)).toBeCloseTo(60, 0);
  });

  it('never falls with the size, and is never negative', () => {
    const sizes = fc.dictionary(fc.constantFrom('2', '3', '4', '8', '16', '32'), fc.double({ min: 0, max: 1e4 }));
    fc.assert(
      fc.property(sizes, fc.double({ min: 0, max: 1e4, noNaN: true }), (measured, one) => {
        const points = Object.entries(measured).map(([size, ms]) => [Number(size), Number.isNaN(ms) ? 0 : ms] as const);
        const model = new LatencyModel(new Map([[1, one], ...points]));
        let last = 0;
        for (let size = 1; size <= 64; size += 1) {
          expect(model.estimate(size)).toBeGreaterThanOrEqual(last - 1e-6);
          last = model.estimate(size);
        }
      }),
    );
  });
});
