import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LongString } from './split-json.js';
import { parseWithLongStrings, RestTooLargeError } from './split-json.js';

const limits = { longFrom: 16, rest: 400 };
const parse = (text: string, given = limits) => parseWithLongStrings(Buffer.from(text), given);

function timeOf(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}

/** One look at each character: what no parser can do without. */
function looked(text: string): number {
  let sum = 0;
  for (let at = 0; at < text.length; at += 1) sum = (sum + text.charCodeAt(at)) | 0;
  return sum;
}

describe('parseWithLongStrings', () => {
  it('parses what has no long string as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), (text) => {
        const roomy = { longFrom: 1e6, rest: 1e6 };
        expect(parse(text, roomy)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('cuts out long strings wherever they are values, with their offsets', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 16, maxLength: 5000, unit: 'binary' }),
        fc.string({ maxLength: 10 }),
        (long, short) => {
          const encoded = JSON.stringify(long);
          const escapes = encoded.match(/\\/g)?.length ?? 0;
          fc.pre(escapes < 50 && Buffer.byteLength(encoded) < 8000);
          const json = Buffer.from(`{"short":${JSON.stringify(short)},"long":${encoded},"nested":[1,${encoded}]}`);
          const parsed = parseWithLongStrings(json, { longFrom: 16, rest: 1000 }) as {
            short: string;
            long: LongString;
            nested: [number, LongString];
          };
          expect(parsed.short).toBe(short);
          for (const { start, end } of [parsed.long, parsed.nested[1]]) {
            expect(json.toString('utf8', start - 1, end + 1)).toBe(encoded);
          }
        },
      ),
    );
  });

  it('refuses what is not JSON', () => {
    const long = 'x'.repeat(20);
    for (const text of [
      '',
      '{',
      '"',
      `"${long}`,
      `{"a":"${long}"`,
      `{"a":"${long}"}}`,
      `{a:"${long}"}`,
      '{"a":"\\"}',
    ]) {
      expect(() => parse(text), text).toThrow(SyntaxError);
    }
  });

  it('refuses a long name', () => {
    expect(() => parse(`{"${'n'.repeat(20)}":1}`)).toThrow(SyntaxError);
    expect(() => parse(`{"metadata":{"${'n'.repeat(20)}":"v"}}`)).toThrow(SyntaxError);
  });

  it('takes little longer than one look at each character, for what would keep JSON.parse busy for seconds', () => {
    const size = 4_000_000;
    const wide = { longFrom: 4096, rest: 65_536 };
    for (const text of [
      '['.repeat(size),
      `{${'"a":1,'.repeat(size / 6)}`,
      `"${'\\"'.repeat(size / 2)}"`,
      `"${'\\'.repeat(size)}"`,
      '""'.repeat(size / 2),
    ]) {
      // Other processes only add to a time: the quickest of a few runs is the code's own.
      const looks: number[] = [];
      const times: number[] = [];
      for (let run = 0; run < 5; run += 1) {
        looks.push(
          timeOf(() => {
            expect(looked(text)).toBeGreaterThan(0);
          }),
        );
        times.push(
          timeOf(() => {
            expect(() => parse(text, wide)).toThrow(RestTooLargeError);
          }),
        );
      }
      expect(Math.min(...times)).toBeLessThan(4 * Math.min(...looks));
    }
  });
});
