import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from './suggest.js';

describe('what somebody may have meant', () => {
  const commands = ['classify', 'batch', 'jobs', 'wait', 'status', 'models', 'webhook', 'completion', 'help'];
  it.each([
    ['clasify', 'classify'],
    ['calssify', 'classify'],
    ['Classify', 'classify'],
    ['model', 'models'],
    ['job', 'jobs'],
    ['comp', 'completion'],
    ['wiat', 'wait'],
    ['w', undefined],
    ['', undefined],
    ['frobnicate', undefined],
  ])('%s is near %s', (word, near) => {
    expect(nearest(word, commands)).toBe(near);
  });

  it('is a flag with its dashes', () => {
    const flags = ['--top', '--table', '--tsv', '--recursive', '--retry-for', '--no-cache'];
    expect(
      ['--tpo', '--recursiv', '--nocache', '--rec', '-', '--', '--colour'].map((each) => nearest(each, flags)),
    ).toEqual(['--top', '--recursive', '--no-cache', '--recursive', undefined, undefined, undefined]);
  });

  it('is by a distance: of a word to itself none, the same both ways, one for each step', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, a)).toBe(0);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(editDistance(a, `${a}${b}`)).toBe(b.length);
      }),
    );
    expect(editDistance('abcd', 'acbd')).toBe(1);
  });
});
