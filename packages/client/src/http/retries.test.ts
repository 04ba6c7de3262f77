import { describe, expect, it } from 'vitest';
import { QuintetError } from '../errors.js';
import { nextDelay, parseRetryAfter } from './retries.js';

const passing = (retryAfter?: number): QuintetError =>
  new QuintetError('queue_full', 'Full.', { retryable: true, ...(retryAfter === undefined ? {} : { retryAfter }) });
const attempt = { failures: 1, sinceFirstMs: 0, retrySeconds: 60, random: 0 };

describe('the next attempt', () => {
  it('comes after a delay that doubles, up to eight seconds', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8].map((failures) =>
      nextDelay(passing(), { ...attempt, failures, random: 1 }),
    );
    expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
    expect(nextDelay(passing(), attempt)).toBe(125);
  });

  it('comes when the service asks for it, or a little later', () => {
    expect(nextDelay(passing(7), attempt)).toBe(7000);
    expect(nextDelay(passing(7), { ...attempt, random: 1 })).toBe(7800);
    expect(nextDelay(passing(0), attempt)).toBe(0);
  });

  it('does not come when it would be too late, nor where it would be in vain', () => {
    expect(nextDelay(passing(61), attempt)).toBeUndefined();
    expect(nextDelay(passing(), { ...attempt, sinceFirstMs: 59_990 })).toBeUndefined();
    expect(nextDelay(passing(), { ...attempt, retrySeconds: 0 })).toBeUndefined();
    expect(nextDelay(new QuintetError('image_empty', 'Empty.'), attempt)).toBeUndefined();
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-11-25T20:00:00Z');
  it.each([
    ['12', 12],
    ['Wed, 25 Nov 2026 20:00:05 GMT', 5],
    ['Wed, 25 Nov 2026 19:00:00 GMT', 0],
    ['Wednesday, 25-Nov-26 20:00:05 GMT', 5],
    ['Wed Nov 25 20:00:05 2026', 5],
    [' 0 ', 0],
    ['soon', undefined],
    // Dates to Date.parse, long ago: a call that took them for one was made again every 50 ms.
    ['1.5', undefined],
    ['-1', undefined],
    ['Nov 25', undefined],
    ['', undefined],
    [null, undefined],
  ])('%s', (value, seconds) => {
    expect(parseRetryAfter(value, now)).toBe(seconds);
  });
});
