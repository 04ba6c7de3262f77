import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCaching } from './cache-control.js';

const plain = { reuse: true, store: true };
const fresh = { reuse: false, store: true };
const nothing = { reuse: false, store: false };

describe('parseCaching', () => {
  it('reuses and stores where nobody says otherwise', () => {
    for (const lines of [undefined, [''], ['max-age=60'], ['no-transform, only-if-cached'], ['max-age=00x']]) {
      expect(parseCaching(lines), String(lines)).toEqual(plain);
    }
  });

  it('knows no-cache, which reloading browsers spell max-age=0, and no-store', () => {
    for (const line of ['no-cache', 'No-Cache', ' no-cache ,', 'max-age=0', 'foo=bar, NO-CACHE', 'no-cache="x"']) {
      expect(parseCaching([line]), line).toEqual(fresh);
    }
    for (const line of ['no-store', 'No-Store', 'no-cache, no-store', 'max-age=60,no-store']) {
      expect(parseCaching([line]), line).toEqual(nothing);
    }
    expect(parseCaching(['no-cache', 'no-store'])).toEqual(nothing);
  });

  it('is not taken in by what only looks like a directive', () => {
    for (const line of [
      'x="no-store"',
      'x="a, no-cache, b"',
      'no-cache-at-all',
      'xno-store',
      'no cache',
      '"no-store"',
    ]) {
      expect(parseCaching([line]), line).toEqual(plain);
    }
  });

  it('finds a directive among any others, and never fails', () => {
    const token = fc.stringMatching(/^[a-z]{1,12}$/);
    const other = fc.oneof(
      token.map((name) => `x-${name}`),
      fc.tuple(token, fc.stringMatching(/^[ -!#-[\]-~]{0,20}$/)).map(([name, value]) => `x-${name}="${value}"`),
    );
    fc.assert(
      fc.property(fc.array(other), fc.array(other), (before, after) => {
        expect(parseCaching([[...before, ...after].join(', ')])).toEqual(plain);
        expect(parseCaching([[...before, 'no-cache', ...after].join(',')])).toEqual(fresh);
        expect(parseCaching([...before, 'no-store', ...after])).toEqual(nothing);
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (lines) => {
        parseCaching(lines);
      }),
    );
  });
});
