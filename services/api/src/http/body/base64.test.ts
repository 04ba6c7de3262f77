import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Base64Decoder, Base64Error } from './base64.js';

function decode(text: string, pieceLength = 7): Buffer {
  const decoder = new Base64Decoder(text.length);
  for (let i = 0; i < text.length; i += pieceLength) decoder.push(text.slice(i, i + pieceLength));
  return decoder.end();
}

describe('Base64Decoder', () => {
  it('gives back the bytes of either alphabet, in pieces of any length, wrapped or not', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 1, max: 90 }),
        fc.constantFrom('base64' as const, 'base64url' as const),
        fc.constantFrom('', '\n', '\r\n'),
        (array, pieceLength, alphabet, lineBreak) => {
          const bytes = Buffer.from(array);
          const text = bytes.toString(alphabet).replaceAll(/.{1,76}/g, `$&${lineBreak}`);
          expect(decode(text, pieceLength)).toEqual(bytes);
        },
      ),
    );
  });

  it.each([
    'a',
    'ab=',
    'abc=d',
    'ab==cd',
    'abcd=',
    'abcd====',
    '=',
    '====',
    'ab c',
    'ab*d',
    'abcd efgh',
    'äbcd',
    'abc\0',
  ])('refuses %j', (text) => {
    for (const pieceLength of [1, 3, 4, 100]) expect(() => decode(text, pieceLength)).toThrow(Base64Error);
  });

  it('refuses a wrong character wherever it stands', () => {
    const text = Buffer.alloc(300, 'quintet').toString('base64');
    for (let at = 0; at < text.length; at += 1) {
      expect(() => decode(`${text.slice(0, at)}!${text.slice(at + 1)}`, 64)).toThrow(Base64Error);
    }
  });
});
