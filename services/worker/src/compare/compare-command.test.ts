import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listPictures, UsageError } from './command-line.js';
import { parseCompareArguments } from './compare-command.js';
import { wnidOf } from './compare-models.js';

describe('parseCompareArguments', () => {
  it('takes two models and a folder, in any order', () => {
    expect(parseCompareArguments(['--images', 'photos', 'a', '--limit', '7', 'b', '--json'])).toEqual({
      a: 'a',
      b: 'b',
      images: 'photos',
      limit: 7,
      json: true,
    });
    expect(parseCompareArguments(['a', 'b', '--images=x'])).toMatchObject({ limit: undefined, json: false });
  });

  it.each([
    [['a', '--images', 'x'], /names of two models/],
    [['a', 'b', 'c', '--images', 'x'], /too many arguments: c/],
    [['a', 'b'], /--images DIR is missing/],
    [['a', 'b', '--images'], /--images/],
    [['a', 'b', '--images', 'x', '--limit', '0'], /--limit "0"/],
    [['a', 'b', '--images', 'x', '--limit', '1e3'], /--limit "1e3"/],
    [['a', 'b', '--images', 'x', '--fast'], /--fast/],
  ])('refuses %j', (args, message) => {
    expect(() => parseCompareArguments(args)).toThrow(UsageError);
    expect(() => parseCompareArguments(args)).toThrow(message);
  });
});

describe('listPictures', () => {
  it('lists files in order, hidden ones and folders left out', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quintet-pictures-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    for (const name of ['b.jpg', 'a.png', '.hidden']) await writeFile(join(folder, name), '');
    await mkdir(join(folder, 'below'));
    expect(await listPictures('compare', folder, undefined)).toEqual(['a.png', 'b.jpg']);
    expect(await listPictures('compare', folder, 1)).toEqual(['a.png']);
    await expect(listPictures('compare', join(folder, 'absent'), undefined)).rejects.toThrow(UsageError);
    await expect(listPictures('compare', join(folder, 'a.png'), undefined)).rejects.toThrow(/cannot be read/);
  });
});

describe('wnidOf', () => {
  it('knows files named like those of ImageNet', () => {
    expect(wnidOf('n01440764_tench.JPEG')).toBe('n01440764');
    expect(wnidOf('n01440764.JPEG')).toBeUndefined();
    expect(wnidOf('holiday_n01440764_tench.JPEG')).toBeUndefined();
  });
});
