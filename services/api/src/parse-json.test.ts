import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostDepth, parseJson, refuseUtf16 } from './parse-json.js';

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

  it('passes over a byte-order mark before the document, and none elsewhere', () => {
    expect(parseJson('\ufeff{"a":"\ufeffb"}')).toEqual({ a: '\ufeffb' });
    for (const text of ['\ufeff', '\ufeff\ufeff{}', '{}\ufeff']) expect(() => parseJson(text)).toThrow(SyntaxError);
  });
});

describe('refuseUtf16', () => {
  it('names UTF-16 and UTF-32, with a mark or without', () => {
    const little = Buffer.from('{"a":1}', 'utf16le');
    const wide = Buffer.from('{\0\0\0}\0\0\0', 'latin1');
    for (const bytes of [little, Buffer.from(little).swap16(), wide, Buffer.from(wide).swap32()]) {
      expect(() => {
        refuseUtf16(bytes);
      }).toThrow('must be UTF-8');
    }
    for (const mark of ['fffe', 'feff', 'fffe0000', '0000feff']) {
      expect(() => {
        refuseUtf16(Buffer.from(mark, 'hex'));
      }).toThrow(SyntaxError);
    }
    for (const text of ['', '{', '\ufeff{}', '"é"']) refuseUtf16(Buffer.from(text));
  });
});
