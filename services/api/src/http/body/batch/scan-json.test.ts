import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RestTooLargeError } from '../split-json.js';
import { scanJson } from './scan-json.js';

const scan = (text: string, limits = { longFrom: 16, rest: 4000, tokens: 4000 }) => {
  const json = Buffer.from(text);
  return scanJson((start, end) => Promise.resolve(json.subarray(start, end)), json.length, limits);
};

describe('scanJson', () => {
  it('parses what has no long string as JSON.parse does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json({ maxDepth: 3 }), async (text) => {
        expect((await scan(text, { longFrom: 1e6, rest: 1e6, tokens: 1e6 })).document).toEqual(JSON.parse(text));
      }),
    );
  });

  it('leaves long strings where they are, and says where', async () => {
    const string = fc.string({ unit: 'binary', maxLength: 400 });
    await fc.assert(
      fc.asyncProperty(fc.array(string, { maxLength: 6 }), async (strings) => {
        const json = Buffer.from(JSON.stringify(strings));
        const { document, longString } = await scan(json.toString());
        for (const [at, value] of (document as string[]).entries()) {
          const { start, end } = longString(value) ?? {};
          const raw = start === undefined ? JSON.stringify(value) : json.toString('utf8', start - 1, (end ?? 0) + 1);
          expect(JSON.parse(raw)).toBe(strings[at]);
        }
      }),
    );
  });

  it('follows a string, its escapes and its end across the pieces that the file is read in', async () => {
    // A piece ends after 64 KiB: there, one byte before and one after.
    for (const shift of [-2, -1, 0, 1]) {
      const fill = 'x'.repeat(64 * 1024 - '["'.length + shift);
      for (const tail of ['', '\\', '\\\\', '"', '\\"', '\\\\"']) {
        const value = fill + tail;
        const json = JSON.stringify([value, 'short']);
        const { document, longString } = await scan(json);
        const found = longString((document as string[])[0]);
        expect(JSON.parse(json.slice((found?.start ?? 0) - 1, (found?.end ?? 0) + 1))).toBe(value);
        expect((document as string[])[1]).toBe('short');
      }
    }
  });

  it('refuses what is not JSON, is deep, or has too much beside its strings', async () => {
    const refused = async (text: string): Promise<unknown> => scan(text).catch((error: unknown) => error);
    for (const text of ['', '{', '"', '["x]', '['.repeat(17) + ']'.repeat(17)]) {
      expect(await refused(text), text).toBeInstanceOf(SyntaxError);
    }
    expect(await refused(`[${'1,'.repeat(3000)}1]`)).toBeInstanceOf(RestTooLargeError);
    const few = { longFrom: 16, rest: 4000, tokens: 10 };
    for (const text of ['[1,1,1,1,1,1,1,1,1,1]', '[[],[],[],[]]', '["","","","",""]']) {
      await expect(scan(text, few), text).rejects.toThrow(RestTooLargeError);
    }
  });
});
