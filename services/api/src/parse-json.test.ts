import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostDepth, parseJson } from './parse-json.js';

const nested = (depth: number): string[] => [
  '['.repeat(depth) + ']'.repeat(depth),
  `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
  `${'[{"a\\"[":'.repeat(depth / 2)}"]"${'}]'.repeat(depth / 2)}`,
];

describe('parseJson', () => {
  it('parses as JSON.parse does where nothing is deep, whatever its strings have in them', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.string({ unit: 'binary' }), (json, string) => {
        const text = `[${json},${JSON.stringify(`[[{{"\\${string}`)}]`;
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
    for (const text of nested(mostDepth)) expect(parseJson(text)).toEqual(JSON.parse(text));
    const brackets = '['.repeat(100);
    expect(parseJson(JSON.stringify(brackets))).toBe(brackets);
  });

  it('refuses what is deeper as it refuses what is no JSON', () => {
    for (const depth of [mostDepth + 2, 30_000]) {
      for (const text of nested(depth)) expect(() => parseJson(text)).toThrow(SyntaxError);
    }
    for (const text of ['', '"', '["\\', ']', '{"a":}']) expect(() => parseJson(text)).toThrow(SyntaxError);
  });
});
