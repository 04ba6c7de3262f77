import { ProblemError } from '@quintet/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCaching, parseIdempotencyKey, parsePrefer, waitSeconds } from './headers.js';

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

const printable = fc.stringMatching(/^[\x20-\x7e]{1,255}$/);

/** As RFC 8941 section 4.1.6 serialises a string. */
const quote = (text: string): string => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;

const isRefused = (lines: string[]): void => {
  expect(() => parseIdempotencyKey(lines), JSON.stringify(lines)).toThrow(
    expect.objectContaining({ code: 'idempotency_key_invalid', status: 400 }) as Error,
  );
};

describe('parseIdempotencyKey', () => {
  it('is absent where the header is', () => {
    expect(parseIdempotencyKey(undefined)).toBeUndefined();
  });

  it('reads the example of the draft, quoted and bare, as the same key', () => {
    const key = '8e03978e-40d5-43dd-bc93-6894a57f9324';
    expect(parseIdempotencyKey([`"${key}"`])).toBe(key);
    expect(parseIdempotencyKey([key])).toBe(key);
    expect(parseIdempotencyKey([` ${key}\t`])).toBe(key);
  });

  it('reads back every string that RFC 8941 can write', () => {
    fc.assert(
      fc.property(printable, (key) => {
        expect(parseIdempotencyKey([quote(key)])).toBe(key);
      }),
    );
  });

  it('takes every bare key as it is', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[!#-~]([ -~]{0,253}[!-~])?$/), (key) => {
        expect(parseIdempotencyKey([key])).toBe(key);
      }),
    );
  });

  it.each([
    [''],
    ['""'],
    ['"'],
    ['"a'],
    ['"a"b'],
    ['"a";p=1'],
    ['"a\\b"'],
    ['"a\\"'],
    ['"ä"'],
    ['schlüssel'],
    ['"a\tb"'],
    ['a\u007f'],
    ['k'.repeat(256)],
    [`"${'k'.repeat(256)}"`],
  ])('refuses %j', (value) => {
    isRefused([value]);
  });

  it('takes 255 characters, which escapes do not shorten', () => {
    expect(parseIdempotencyKey([quote('"'.repeat(255))])).toHaveLength(255);
    isRefused([quote('"'.repeat(256))]);
  });

  it('refuses several', () => {
    isRefused(['a', 'a']);
  });

  it('gives a key of 1 to 255 printable characters, or refuses', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { minLength: 1, maxLength: 2 }), (lines) => {
        try {
          expect(parseIdempotencyKey(lines)).toMatch(/^[\x20-\x7e]{1,255}$/);
        } catch (error) {
          expect(error).toBeInstanceOf(ProblemError);
        }
      }),
    );
  });
});

const wait = (lines: string | string[], max = 60) => waitSeconds(parsePrefer(lines), max);

describe('parsePrefer', () => {
  it('reads the examples of RFC 7240', () => {
    expect([...parsePrefer('respond-async, wait=100')]).toEqual([
      ['respond-async', ''],
      ['wait', '100'],
    ]);
    expect([...parsePrefer(['handling=lenient', 'wait=100', 'respond-async'])]).toEqual([
      ['handling', 'lenient'],
      ['wait', '100'],
      ['respond-async', ''],
    ]);
    expect(parsePrefer('foo; bar').get('foo')).toBe('');
    expect(parsePrefer('foo; bar=""').get('foo')).toBe('');
    expect(parsePrefer('foo=""; bar').get('foo')).toBe('');
    expect(parsePrefer('return=minimal; foo="some parameter"').get('return')).toBe('minimal');
  });

  it('takes the first of duplicates, whatever their case and line', () => {
    expect(wait('Wait=3, wait=9')).toBe(3);
    expect(wait(['WAIT=3', 'wait=9'])).toBe(3);
    expect(wait('wait=soon, wait=9')).toBeUndefined();
  });

  it('does not split at commas within quotes', () => {
    expect(wait('x="a, wait=1, b\\"c", wait=5')).toBe(5);
    expect(wait('wait="7"')).toBe(7);
  });

  it('ignores what it does not understand', () => {
    for (const header of [
      '',
      ',,',
      'wait=',
      'wait=abc',
      'wait=-1',
      'wait=1.5',
      '=3',
      'wait 3',
      'a b',
      '"wait=3',
      'wait=3"',
    ]) {
      expect(wait(header), header).toBeUndefined();
    }
    expect(parsePrefer(undefined).size).toBe(0);
  });

  it('grants a bare wait the most there is, and never more', () => {
    expect(wait('wait')).toBe(60);
    expect(wait('wait=0')).toBe(0);
    expect(wait('wait=61')).toBe(60);
    expect(wait(`wait=${'9'.repeat(400)}`)).toBe(60);
  });

  it('never throws, and finds the wait in front of any rubbish', () => {
    fc.assert(
      fc.property(fc.string(), (rubbish) => {
        expect(() => parsePrefer(rubbish)).not.toThrow();
        expect(wait(`wait=4,${rubbish}`)).toBe(4);
      }),
    );
  });

  it('reads back what it is given, in any order, spacing and quoting', () => {
    const name = fc.stringMatching(/^[a-z][a-z-]{0,8}$/);
    const value = fc
      .stringMatching(/^[ -~]{1,12}$/)
      .map((text) => text.trim())
      .filter((text) => text !== '');
    const space = fc.constantFrom('', ' ', '\t');
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, value, space), { selector: ([key]) => key }), (preferences) => {
        const lines = preferences.map(
          ([key, text, blank]) =>
            `${blank}${key}${blank}=${blank}"${text.replaceAll(/["\\]/g, '\\$&')}"${blank};${blank}parameter=1`,
        );
        const expected = new Map(preferences.map(([key, text]) => [key, text]));
        expect(parsePrefer(lines)).toEqual(expected);
        expect(parsePrefer(lines.join(','))).toEqual(expected);
      }),
    );
  });
});
