import { describe, expect, it } from 'vitest';
import { drainRate, etaSeconds, queuePlace } from './drain-rate.js';

describe('drainRate', () => {
  it('adds the workers up', () => {
    expect(drainRate([{ rate: 18.5 }, { rate: 0 }, { rate: 4 }])).toBe(22.5);
    expect(drainRate([])).toBe(0);
  });
});

describe('etaSeconds', () => {
  it('is the time until the job itself has ended, to two digits', () => {
    expect(etaSeconds(0, 10)).toBe(0.1);
    expect(etaSeconds(3, 30)).toBe(0.13);
    expect(etaSeconds(9999, 7)).toBe(1400);
  });

  it('is left out where no rate is known', () => {
    expect(etaSeconds(3, 0)).toBeUndefined();
    expect(queuePlace(3, 0)).toEqual({ position: 3 });
  });
});
