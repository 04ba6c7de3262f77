import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FetchError, delayBeforeNext, maxRetryAfterSeconds } from './fetch-error.js';

const failed = (retryAfterSeconds?: number): FetchError =>
  new FetchError('image_url_status', 'answered 503', { retryAfterSeconds });

describe('delayBeforeNext', () => {
  it('waits half a second, then two, and then no more', () => {
    expect([1, 2, 3].map((made) => delayBeforeNext(failed(), made, 3, () => 0))).toEqual([500, 2000, undefined]);
  });

  it('never tries again what cannot succeed', () => {
    expect(delayBeforeNext(new FetchError('image_url_status', 'answered 404'), 1, 3)).toBeUndefined();
  });

  it('is never sooner than the server asked, and gives up where that is long', () => {
    const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1, max: 4 }), random, (asked, made, value) => {
        const delay = delayBeforeNext(failed(asked), made, 4, () => value);
        if (made === 4 || asked > maxRetryAfterSeconds) expect(delay).toBeUndefined();
        else expect(delay).toBeGreaterThanOrEqual(1000 * asked);
      }),
    );
  });
});
