import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { softmax, topK } from './classifier.js';
import { createNormalizer } from './normalize.js';
import { rowsFor, warmUpSizes } from './thread-protocol.js';

const float = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e4, max: 1e4 });

describe('softmax', () => {
  it('sums to one and keeps the order, without overflow', () => {
    fc.assert(
      fc.property(fc.array(float, { minLength: 1, maxLength: 50 }), (values) => {
        const scores = softmax(Float32Array.from(values));
        expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 9);
        const best = values.indexOf(Math.max(...values));
        expect(scores[best]).toBe(Math.max(...scores));
      }),
    );
  });

  it('matches a case worked by hand', () => {
    const [a, b] = softmax(Float32Array.of(Math.log(3), 0));
    expect(a).toBeCloseTo(0.75, 7);
    expect(b).toBeCloseTo(0.25, 7);
  });

  it('refuses what is not a number', () => {
    expect(() => softmax(Float32Array.of(1, NaN))).toThrow(RangeError);
    expect(() => softmax(Float32Array.of(Infinity, 1))).toThrow(RangeError);
  });
});

describe('topK', () => {
  it('is what sorting gives', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
        fc.integer({ min: 1, max: 20 }),
        (scores, k) => {
          const sorted = scores
            .map((score, index) => ({ index, score }))
            .sort((a, b) => b.score - a.score || a.index - b.index)
            .slice(0, k);
          expect(topK(scores, k)).toEqual(sorted);
        },
      ),
    );
  });

  it('leaves out what scores too little', () => {
    expect(topK([0.1, 0.7, 0.2], 5, 0.15)).toEqual([
      { index: 1, score: 0.7 },
      { index: 2, score: 0.2 },
    ]);
  });
});

describe('createNormalizer', () => {
  const round = (tensor: Float32Array): number[] => [...tensor].map((value) => Math.round(value * 1e6) / 1e6);
  const pixel = Uint8Array.of(255, 0, 51);
  const spec = { crop: 1, mean: [0.5, 0, 0], std: [0.5, 1, 1], layout: 'NCHW', color: 'RGB' } as const;

  it('turns interleaved bytes into normalised planes', () => {
    const tensor = new Float32Array(12);
    const pixels = Uint8Array.of(255, 0, 51, 0, 255, 102, 0, 0, 0, 255, 255, 255);
    createNormalizer({ ...spec, crop: 2 })(pixels, 0, tensor, 0);
    expect(round(tensor)).toEqual([1, -1, -1, 1, 0, 1, 0, 1, 0.2, 0.4, 0, 1]);
  });

  it('takes any slot to any row, and touches no other', () => {
    const tensor = new Float32Array(9).fill(7);
    createNormalizer(spec)(Uint8Array.of(0, 0, 0, ...pixel, 9, 9, 9), 1, tensor, 2);
    expect(round(tensor)).toEqual([7, 7, 7, 7, 7, 7, 1, 0, 0.2]);
  });

  it('knows the other channel order and layout', () => {
    const tensor = new Float32Array(3);
    createNormalizer({ ...spec, color: 'BGR' })(pixel, 0, tensor, 0);
    expect(round(tensor)).toEqual([-0.6, 0, 1]);
    createNormalizer({ ...spec, layout: 'NHWC' })(pixel, 0, tensor, 0);
    expect(round(tensor)).toEqual([1, 0, 0.2]);
  });
});

describe('warmUpSizes', () => {
  it('has every small size and the largest', () => {
    expect(warmUpSizes(1)).toEqual([1]);
    expect(warmUpSizes(4)).toEqual([1, 2, 3, 4]);
    expect(warmUpSizes(24)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 16, 24]);
  });
});

describe('rowsFor', () => {
  it('gives a GPU only shapes that were warmed, and a CPU no row too many', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 256 }), fc.nat(255), (maxBatch, rest) => {
        const count = 1 + (rest % maxBatch);
        const rows = rowsFor(count, maxBatch, 'cuda');
        expect(warmUpSizes(maxBatch)).toContain(rows);
        expect(rows).toBeGreaterThanOrEqual(count);
        expect(rows).toBeLessThan(count * 2 + 1);
        expect(rowsFor(count, maxBatch, 'cpu')).toBe(count);
      }),
    );
  });
});
