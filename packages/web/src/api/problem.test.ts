import { describe, expect, it } from 'vitest';
import { ApiError, isRetryable, parseRetryAfter, toApiError, UnreachableError } from './problem.js';

const problem = { type: 'urn:x', title: 'Full', status: 503, code: 'queue_full', retryable: true, detail: '12 wait.' };

describe('toApiError', () => {
  it('takes the problem document as it is, with its Retry-After', () => {
    const error = toApiError(503, JSON.stringify(problem), '7');
    expect(error.problem).toEqual(problem);
    expect(error.message).toBe('12 wait.');
    expect(error.retryAfter).toBe(7);
  });

  it.each([
    [502, '<html>Bad gateway</html>', true],
    [429, '', true],
    [403, '{"message":"no"}', false],
    [404, 'null', false],
  ])('makes a problem of an answer %i by something in between', (status, body, retryable) => {
    const { problem: made } = toApiError(status, body, null);
    expect(made).toMatchObject({ status, code: `http_${status}`, retryable });
  });
});

describe('isRetryable', () => {
  it('is what the service says, and no answer at all', () => {
    expect(isRetryable(new ApiError(problem))).toBe(true);
    expect(isRetryable(new ApiError({ ...problem, retryable: false }))).toBe(false);
    expect(isRetryable(new UnreachableError(undefined))).toBe(true);
    expect(isRetryable(new TypeError('a bug'))).toBe(false);
  });
});

describe('parseRetryAfter', () => {
  it.each([
    [null, undefined],
    ['12', 12],
    [' 0 ', 0],
    ['Thu, 01 Jan 1970 00:00:30 GMT', 20],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', undefined],
  ])('%s is %s s', (value, seconds) => {
    expect(parseRetryAfter(value, 10_000)).toBe(seconds);
  });
});
