import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pad, padStart, printable, printableJson, shorten, widthOf } from './printable.js';

// eslint-disable-next-line no-control-regex
const control = /[\u0000-\u001f\u007f-\u009f\u202e]/;

describe('text for a terminal', () => {
  it('has no character that a terminal obeys', () => {
    expect(printable('a\x1b[2Jb\nc\u009b\u202etxt')).toBe('a\\x1b[2Jb\\x0ac\\x9b\\u{202e}txt');
    expect(printable('Grüße 雪 🦋')).toBe('Grüße 雪 🦋');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const json = printableJson({ text });
        const { text: parsed } = JSON.parse(json) as { text: string };
        return !control.test(printable(text)) && !control.test(json) && parsed === text;
      }),
    );
  });

  it('is as wide as it says', () => {
    expect([widthOf('abc'), widthOf('雪山'), widthOf('🦋'), widthOf('e\u0301')]).toEqual([3, 4, 2, 1]);
    expect(pad('雪', 4)).toBe('雪  ');
    expect(padStart('雪', 4)).toBe('  雪');
  });

  it('is cut in its middle, never wider than there is room', () => {
    expect(shorten('photos/holiday/beach.jpg', 16)).toBe('photo…/beach.jpg');
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '雪', '🦋') }),
        fc.integer({ min: 3, max: 20 }),
        (text, width) => {
          expect(widthOf(shorten(text, width))).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});
