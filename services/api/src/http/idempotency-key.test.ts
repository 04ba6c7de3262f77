import { ProblemError } from '@quintet/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIdempotencyKey } from './idempotency-key.js';

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
