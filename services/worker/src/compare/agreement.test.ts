import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AgreementTally } from './agreement.js';

const distribution = fc
  .array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 })
  .map((weights) => {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return Float64Array.from(weights, (weight) => weight / sum);
  });

describe('AgreementTally', () => {
  it('gives what is worked out by hand', () => {
    const tally = new AgreementTally();
    tally.add(Float64Array.of(0.5, 0.2, 0.1, 0.1, 0.06, 0.04), Float64Array.of(0.3, 0.4, 0.1, 0.1, 0.04, 0.06), 1);
    tally.add(Float64Array.of(0.9, 0.1, 0, 0, 0, 0), Float64Array.of(0.9, 0.1, 0, 0, 0, 0), 0);
    const { top1_probability_difference: first, class_probability_difference: each, ...rest } = tally.agreement();
    // The first five of A are classes 0 to 4; B has class 5 in the place of 4.
    expect(rest).toMatchObject({ pictures: 2, same_top1: 1, top1_agreement: 0.5, top5_overlap: 0.9 });
    expect(first).toBeCloseTo(0.2 / 2, 12);
    expect(each).toBeCloseTo(0.44 / 6 / 2, 12);
    expect(rest.total_variation).toBeCloseTo(0.22 / 2, 12);
    expect(tally.accuracies()).toEqual([
      { pictures: 2, top1: 0.5, top5: 1 },
      { pictures: 2, top1: 1, top5: 1 },
    ]);
  });

  it('finds no difference between equal answers, and one between 0 and 1 otherwise, the same from both sides', () => {
    fc.assert(
      fc.property(distribution, distribution, (a, b) => {
        const [same, there, back] = [new AgreementTally(), new AgreementTally(), new AgreementTally()];
        same.add(a, a);
        there.add(a, b);
        back.add(b, a);
        expect(same.agreement()).toMatchObject({ top1_agreement: 1, top5_overlap: 1, total_variation: 0 });
        const { total_variation: variation, top5_overlap: overlap } = there.agreement();
        expect(variation).toBeGreaterThanOrEqual(0);
        expect(variation).toBeLessThanOrEqual(1);
        expect(overlap).toBeGreaterThanOrEqual(0.4);
        expect(back.agreement()).toMatchObject({ total_variation: variation, top5_overlap: overlap });
        expect(there.agreement().top1_probability_difference).toBeLessThanOrEqual(variation + 1e-12);
      }),
    );
  });

  it('counts accuracy over the pictures of a known class only', () => {
    const tally = new AgreementTally();
    tally.add(Float64Array.of(1, 0), Float64Array.of(0, 1));
    expect(tally.accuracies()).toBeUndefined();
    tally.add(Float64Array.of(1, 0), Float64Array.of(0, 1), 0);
    expect(tally.accuracies()?.map(({ pictures, top1 }) => [pictures, top1])).toEqual([
      [1, 1],
      [1, 0],
    ]);
  });

  it('refuses answers of different classes, and to speak of no pictures', () => {
    const tally = new AgreementTally();
    expect(() => {
      tally.add(Float64Array.of(1), Float64Array.of(0.5, 0.5));
    }).toThrow(RangeError);
    expect(() => tally.agreement()).toThrow(RangeError);
  });
});
