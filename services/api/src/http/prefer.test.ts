import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePrefer, waitSeconds } from './prefer.js';

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
