import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatScore, headlineOf, unsureBelow } from './score.js';

describe('formatScore', () => {
  it('says 100 % of 1 only, and 0 % of 0 only', () => {
    const scores = [0, 0.0004, 0.0006, 0.0349, 0.9312, 0.9994, 0.9997, 0.99999, 1];
    expect(scores.map((score) => formatScore(score))).toEqual([
      ...['0 %', '< 0.1 %', '0.1 %', '3.5 %', '93.1 %', '99.9 %', '99.9 %', '99.9 %', '100 %'],
    ]);
    expect([0, 0.004, 0.006, 0.6949, 0.997, 1].map((score) => formatScore(score, 0))).toEqual([
      ...['0 %', '< 1 %', '1 %', '69 %', '99 %', '100 %'],
    ]);
  });

  it('does so of every score', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1), (score, decimals) => {
        const text = formatScore(score, decimals);
        expect(text === '100 %').toBe(score === 1);
        expect(Number(text.replace(/[<%]/g, '')) === 0).toBe(score === 0);
      }),
    );
  });
});

describe('headlineOf', () => {
  it('does not give a guess for an answer', () => {
    expect(headlineOf({ label: 'shield', score: unsureBelow - 0.001 })).toBe('Not sure; closest: shield');
    expect(headlineOf({ label: 'shield', score: unsureBelow })).toBe('shield');
  });
});
