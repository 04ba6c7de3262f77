import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandInputs } from './inputs.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quintet-inputs-'));
  await mkdir(join(folder, 'in', '.git'), { recursive: true });
  for (const name of ['b.JPG', 'a.webp', 'notes.txt', '.hidden.jpg', 'c.jpg.part', 'in/d.png', 'in/.git/e.png']) {
    await writeFile(join(folder, name), '');
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const names = async (args: string[], recursive = false): Promise<string[]> =>
  (await expandInputs(args, recursive)).map(({ kind, name }) => `${kind} ${name}`);

describe('what is named', () => {
  it('is the pictures of folders, by name', async () => {
    const top = ['a.webp', 'b.JPG'].map((name) => `file ${join(folder, name)}`);
    expect(await names([folder])).toEqual(top);
    expect(await names([folder], true)).toEqual([...top, `file ${join(folder, 'in/d.png')}`]);
  });

  it('is files whatever they are called, addresses, and standard input once', async () => {
    const text = join(folder, 'notes.txt');
    expect(await names([text, 'gone.jpg', 'https://example.com/a.jpg', '-'])).toEqual([
      `file ${text}`,
      'file gone.jpg',
      'url https://example.com/a.jpg',
      'stdin -',
    ]);
    await expect(names(['-', '-'])).rejects.toThrow('once');
    await expect(names(['http://'])).rejects.toThrow('no address');
  });
});
