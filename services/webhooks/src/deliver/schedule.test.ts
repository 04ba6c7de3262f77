import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { delayBeforeNext, jitter, maxRetryAfterSeconds } from './schedule.js';

const schedule = [0, 5, 300, 1800];
const schedules = fc.array(fc.integer({ min: 0, max: 604_800 }), { minLength: 1, maxLength: 32 });
const randoms = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

describe('delayBeforeNext', () => {
  it('follows the schedule', () => {
    const delays = [0, 1, 2, 3, 4].map((made) => delayBeforeNext(schedule, made, undefined, () => 0));
    expect(delays).toEqual([0, 5000, 300_000, 1_800_000, undefined]);
  });

  it('leaves a full receiver alone for one step longer', () => {
    expect(delayBeforeNext(schedule, 1, { slowDown: true }, () => 0)).toBe(300_000);
    expect(delayBeforeNext(schedule, 3, { slowDown: true }, () => 0)).toBe(1_800_000);
  });

  it('waits as long as the receiver asks, but not for ever', () => {
    expect(delayBeforeNext(schedule, 1, { slowDown: false, retryAfterSeconds: 60 }, () => 0)).toBe(60_000);
    expect(delayBeforeNext(schedule, 1, { slowDown: false, retryAfterSeconds: 1 }, () => 0)).toBe(5000);
    const endless = delayBeforeNext(schedule, 1, { slowDown: false, retryAfterSeconds: 1e12 }, () => 0);
    expect(endless).toBe(maxRetryAfterSeconds * 1000);
  });

  it('is never sooner than scheduled or asked, never later than the jitter allows, and ends with the schedule', () => {
    fc.assert(
      fc.property(
        schedules,
        fc.nat(40),
        fc.boolean(),
        fc.option(fc.integer({ min: 0, max: 1_000_000 }), { nil: undefined }),
        randoms,
        (list, made, slowDown, retryAfterSeconds, random) => {
          const delay = delayBeforeNext(list, made, { slowDown, retryAfterSeconds }, () => random);
          if (made >= list.length) {
            expect(delay).toBeUndefined();
            return;
          }
          const asked = Math.min(retryAfterSeconds ?? 0, maxRetryAfterSeconds);
          const least = Math.max(list[made] ?? 0, asked) * 1000;
          const most = Math.max(least, slowDown ? (list[made + 1] ?? 0) * 1000 : 0) * (1 + jitter) + 1;
          expect(delay).toBeGreaterThanOrEqual(least);
          expect(delay).toBeLessThanOrEqual(most);
          expect(Number.isInteger(delay)).toBe(true);
        },
      ),
    );
  });
});
