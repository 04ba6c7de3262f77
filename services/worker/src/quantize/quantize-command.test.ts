import { describe, expect, it } from 'vitest';
import { UsageError } from '../compare/command-line.js';
import { parseQuantizeArguments } from './quantize-command.js';

describe('parseQuantizeArguments', () => {
  it('takes a model and pictures, or ranges', () => {
    expect(parseQuantizeArguments(['--images', 'photos', 'a', '--limit', '7', '--narrow'])).toEqual({
      name: 'a',
      images: 'photos',
      ranges: undefined,
      limit: 7,
      method: 'minmax',
      narrow: true,
    });
    expect(parseQuantizeArguments(['a', '--ranges', 'r.json'])).toMatchObject({ ranges: 'r.json', images: undefined });
    expect(parseQuantizeArguments(['a', '--images', 'x', '--method', 'entropy'])).toMatchObject({ method: 'entropy' });
  });

  it.each([
    [['--images', 'x'], /name of a model is missing/],
    [['a', 'b', '--images', 'x'], /too many arguments: b/],
    [['a'], /--images DIR is missing/],
    [['a', '--images', 'x', '--limit', '0'], /--limit "0"/],
    [['a', '--images', 'x', '--method', 'best'], /--method "best" is not one of minmax, percentile, entropy/],
    [['a', '--ranges', 'r', '--method', 'minmax'], /--method .* --ranges/],
    [['a', '--images', 'x', '--fast'], /--fast/],
  ])('refuses %j', (args, message) => {
    expect(() => parseQuantizeArguments(args)).toThrow(UsageError);
    expect(() => parseQuantizeArguments(args)).toThrow(message);
  });
});
