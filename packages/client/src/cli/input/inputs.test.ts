import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
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

const names = async (args: string[], recursive = false, skipped: string[] = []): Promise<string[]> =>
  (await expandInputs(args, recursive, (path, kind) => skipped.push(`${path}: ${kind}`))).map(
    ({ kind, name }) => `${kind} ${name}`,
  );

describe('what is named', () => {
  it('is the pictures of folders, by name', async () => {
    const top = ['a.webp', 'b.JPG'].map((name) => `file ${join(folder, name)}`);
    expect(await names([folder])).toEqual(top);
    expect(await names([folder], true)).toEqual([...top, `file ${join(folder, 'in/d.png')}`]);
  });

  it('is no pipe, socket or device of a folder, and follows links to files only', async () => {
    const odd = join(folder, 'odd');
    await mkdir(odd);
    execFileSync('mkfifo', [join(odd, 'pipe.jpg'), join(odd, 'pipe')]);
    const server = createServer().listen(join(odd, 'socket.png'));
    await once(server, 'listening');
    const links = {
      'device.gif': '/dev/zero',
      'file.hif': '../a.webp',
      'folder.jpg': '..',
      'loop.jpg': 'loop.jpg',
      'nowhere.mpo': 'gone.mpo',
      'to-pipe.jpg': 'pipe.jpg',
      up: '..',
    };
    for (const [name, target] of Object.entries(links)) await symlink(target, join(odd, name));
    const skipped: string[] = [];
    const found = await names([odd], true, skipped);
    server.close();
    expect(found).toEqual(['file.hif', 'loop.jpg', 'nowhere.mpo'].map((name) => `file ${join(odd, name)}`));
    expect(skipped).toEqual(
      [
        'device.gif: a device',
        'folder.jpg: a folder',
        'pipe.jpg: a named pipe',
        'socket.png: a socket',
        'to-pipe.jpg: a named pipe',
      ].map((line) => join(odd, line)),
    );
    expect(await names([join(odd, 'pipe.jpg')])).toEqual([`file ${join(odd, 'pipe.jpg')}`]);
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
