import { describe, expect, it } from 'vitest';
import { judge } from './outcome.js';

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
