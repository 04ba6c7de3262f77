import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { disturbance, othersBetween, watchOthers } from './disturbance.js';

const quiet = { scatter: 1.05, othersCores: 0.1, machineCores: 2 };

describe('disturbance', () => {
  it('finds none on a quiet machine', () => {
    expect(disturbance(quiet, 2)).toBeUndefined();
  });

  it('is another process that takes a core of those that were measured', () => {
    expect(disturbance({ ...quiet, othersCores: 0.9 }, 2)).toBe('other processes kept 0.9 of 2 cores busy');
  });

  it('is a machine that was slower in one round, whoever did that', () => {
    expect(disturbance({ ...quiet, scatter: 1.6 }, 2)).toContain('up to 1.6 times as long');
  });

  it('is not what others do with the cores that a quota leaves to them', () => {
    const large = { scatter: 1, othersCores: 60, machineCores: 64 };
    expect(disturbance(large, 4)).toBeUndefined();
    expect(disturbance({ ...large, othersCores: 63 }, 4)).toBeDefined();
  });

  it('only grows with the scatter and with what others do', () => {
    const cores = fc.integer({ min: 1, max: 128 });
    const number = fc.double({ min: 0, max: 128, noNaN: true });
    fc.assert(
      fc.property(cores, cores, number, number, number, (own, more, scatter, others, worse) => {
        const conditions = { scatter: 1 + scatter, othersCores: others, machineCores: own + more };
        if (disturbance(conditions, own) === undefined) return;
        expect(disturbance({ ...conditions, scatter: 1 + scatter + worse }, own)).toBeDefined();
        expect(disturbance({ ...conditions, othersCores: others + worse }, own)).toBeDefined();
      }),
    );
  });
});

describe('processor time of others', () => {
  it('is that of all less the own, by the clock', () => {
    const before = { all: 5000, own: 1000, clock: 0 };
    expect(othersBetween(before, { all: 7000, own: 1500, clock: 1000 })).toBe(1.5);
    // A clock that counts coarsely, and a system that counts nothing.
    expect(othersBetween(before, { all: 5010, own: 1020, clock: 1000 })).toBe(0);
    expect(othersBetween({ ...before, all: 0 }, { all: 0, own: 9000, clock: 1000 })).toBe(0);
    expect(othersBetween(before, before)).toBe(0);
  });

  it('is read from this machine', () => {
    const cores = watchOthers();
    for (let sum = 0; sum < 1e6; sum += 1) Math.sqrt(sum);
    expect(cores()).toBeGreaterThanOrEqual(0);
  });
});
