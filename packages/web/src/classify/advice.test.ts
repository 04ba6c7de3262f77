/** The page has something to say about every failure that the service knows. */
import { errorCodes, errorRegistry } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { adviceFor, hasAdvice } from './advice.js';

describe('advice', () => {
  it.each(errorCodes)('has a text for %s', (code) => {
    expect(hasAdvice(code)).toBe(true);
    expect(adviceFor({ code, retryable: errorRegistry[code].retryable })).toMatch(/^[A-Z].{15,}[.:]$/);
  });

  it('has one for what is not of the service', () => {
    expect(adviceFor({ code: 'http_502', retryable: true })).toContain('tries again');
    expect(adviceFor({ code: 'http_403', retryable: false })).toContain('Reload');
    expect(hasAdvice('constructor')).toBe(false);
  });
});
