import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { delayBeforeNext, jitter, judge, maxRetryAfterSeconds } from './outcome.js';

const now = new Date('2026-11-24T02:00:00Z');
const answered = (status: number, retryAfter?: string) => judge({ kind: 'answered', status, retryAfter }, now);

describe('judge', () => {
  it('takes 2xx, and only 2xx, as delivered', () => {
    for (const status of [200, 201, 202, 204, 299]) expect(answered(status).kind).toBe('delivered');
    for (const status of [300, 301, 304, 308, 400, 401, 404, 422, 500, 503]) {
      expect(answered(status).kind).toBe('retry');
    }
  });

  it('stops at 410', () => {
    expect(answered(410)).toMatchObject({ kind: 'stop', outcome: 'gone' });
  });

  it('slows down at 429, 502 and 504', () => {
    for (const status of [429, 502, 504]) {
      expect(answered(status)).toMatchObject({ kind: 'retry', outcome: 'slow_down', hint: { slowDown: true } });
    }
    expect(answered(503)).toMatchObject({ hint: { slowDown: false } });
  });

  it('passes on what Retry-After asks for', () => {
    expect(answered(503, '30')).toMatchObject({ hint: { retryAfterSeconds: 30 } });
    expect(answered(429, 'Tue, 24 Nov 2026 02:00:10 GMT')).toMatchObject({ hint: { retryAfterSeconds: 10 } });
  });

  it('never retries an address that is refused, and retries what the network did', () => {
    expect(judge({ kind: 'refused', reason: 'private' }, now)).toMatchObject({ kind: 'stop', outcome: 'refused' });
    expect(judge({ kind: 'timeout' }, now).kind).toBe('retry');
    expect(judge({ kind: 'connection_failed', code: 'ECONNREFUSED' }, now)).toMatchObject({
      kind: 'retry',
      reason: 'connection failed (ECONNREFUSED)',
    });
  });
});

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

describe('a whole schedule', () => {
  const answers = fc.array(
    fc.record({
      status: fc.constantFrom(301, 400, 429, 500, 502, 503, 504),
      asked: fc.option(fc.nat(200_000), { nil: undefined }),
      random: randoms,
    }),
    { minLength: 33, maxLength: 33 },
  );

  it('ends after as many attempts as it has delays, whatever the receiver answers and asks for', () => {
    fc.assert(
      fc.property(schedules, answers, (list, receiver) => {
        let made = 0;
        let time = 0;
        const times: number[] = [];
        for (;;) {
          const { status, asked, random } = receiver[made] ?? { status: 500, asked: undefined, random: 0 };
          const hint = { slowDown: [429, 502, 504].includes(status), retryAfterSeconds: asked };
          const delay = delayBeforeNext(list, made, made === 0 ? undefined : hint, () => random);
          if (delay === undefined) break;
          // Bounded: no receiver keeps a delivery for longer than a week and a fifth per attempt.
          expect(delay).toBeLessThanOrEqual(604_800 * 1000 * (1 + jitter) + 1);
          if (made > 0) expect(delay).toBeGreaterThanOrEqual(1000 * Math.min(asked ?? 0, maxRetryAfterSeconds));
          time += delay;
          times.push(time);
          made++;
        }
        expect(times).toHaveLength(list.length);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }),
    );
  });

  it('never gets longer by a more patient receiver, nor shorter by one that asks for more', () => {
    fc.assert(
      fc.property(
        schedules,
        fc.nat(31),
        fc.nat(200_000),
        fc.nat(200_000),
        randoms,
        (list, made, one, other, random) => {
          const delay = (retryAfterSeconds: number): number =>
            delayBeforeNext(list, made, { slowDown: false, retryAfterSeconds }, () => random) ?? -1;
          expect(delay(Math.min(one, other))).toBeLessThanOrEqual(delay(Math.max(one, other)));
        },
      ),
    );
  });
});
