import { describe, expect, it } from 'vitest';
import { rateHeaders } from '../limits/rate-limits.js';
import { presentedKey } from './authenticate.js';

describe('presentedKey', () => {
  it.each([
    [{ authorization: 'Bearer abc' }, 'abc'],
    [{ authorization: '  bearer   abc  ' }, 'abc'],
    [{ authorization: 'Bearer' }, undefined],
    [{ authorization: 'Basic abc' }, undefined],
    [{ authorization: 'Bearerabc' }, undefined],
    [{ 'x-api-key': 'abc' }, 'abc'],
    [{ 'x-api-key': '' }, undefined],
    [{ authorization: 'Basic abc', 'x-api-key': 'key' }, 'key'],
    [{ authorization: 'Bearer abc', 'x-api-key': 'key' }, 'abc'],
    [{}, undefined],
  ])('of %j is %s', (headers, key) => {
    expect(presentedKey({ headers })).toBe(key);
  });
});

describe('rateHeaders', () => {
  it('are structured fields: the quota of a window, and what is left for how many whole seconds', () => {
    expect(rateHeaders('default', 600, { remainingPoints: 599, msBeforeNext: 59_001 })).toEqual({
      'RateLimit-Policy': '"default";q=600;w=60',
      RateLimit: '"default";r=599;t=60',
    });
    expect(rateHeaders('read', 10, { remainingPoints: 0, msBeforeNext: 0 })['RateLimit']).toBe('"read";r=0;t=1');
  });
});
