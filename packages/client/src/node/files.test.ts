import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAll } from './chunk-list.js';
import { readImage, readImageInline, sizedFile } from './files.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quintet-files-'));
  await writeFile(join(folder, 'a.jpg'), 'a picture');
  await writeFile(join(folder, 'empty.jpg'), '');
  await symlink('loop.jpg', join(folder, 'loop.jpg'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const makePipe = (name: string): string => {
  const path = join(folder, name);
  execFileSync('mkfifo', [path]);
  return path;
};
const readers = { readImage, readImageInline };

describe.each(Object.entries(readers))('%s', (_, read) => {
  it('reads a file', async () => {
    expect(Buffer.from(await read(join(folder, 'a.jpg'))).toString()).toBe('a picture');
  });

  it.each([
    ['empty.jpg', 'image_empty', 'The file is empty.'],
    ['gone.jpg', 'image_unreadable', 'there is no such file'],
    ['a.jpg/b.jpg', 'image_unreadable', 'there is no such file'],
    ['.', 'image_unreadable', 'it is a folder'],
    ['loop.jpg', 'image_unreadable', 'it is a link that leads back to itself'],
    ['/dev/null', 'image_unreadable', 'it is a device'],
    ['/dev/zero', 'image_unreadable', 'it is a device'],
  ])('says of %s: %s, %s', async (name, code, detail) => {
    const path = name.startsWith('/') ? name : join(folder, name);
    await expect(read(path)).rejects.toMatchObject({ code, detail: expect.stringContaining(detail) as string });
  });

  it('says of a socket that it is one', async () => {
    const path = join(folder, 'socket.jpg');
    const server = createServer().listen(path);
    await once(server, 'listening');
    await expect(read(path)).rejects.toMatchObject({ detail: 'The picture cannot be read: it is a socket.' });
    server.close();
  });

  it('reads a named pipe to its end, whoever comes first', async () => {
    const path = makePipe(`pipe-${read.name}.jpg`);
    const reading = read(path);
    // Waits for nobody: there is a reader.
    const writer = await open(path, 'w');
    await writer.write('a pic');
    await writer.write('ture');
    await writer.close();
    expect(Buffer.from(await reading).toString()).toBe('a picture');
    const again = open(path, 'w');
    const second = expect(read(path)).rejects.toMatchObject({ code: 'image_empty' });
    await (await again).close();
    await second;
  });

  it('ends the waiting for a named pipe with its signal', async () => {
    const path = makePipe(`waiting-${read.name}.jpg`);
    const controller = new AbortController();
    const reading = read(path, { signal: controller.signal });
    const begun = await open(path, 'w');
    await begun.write('a pic');
    controller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await expect(read(path, { signal: controller.signal })).rejects.toThrow('enough');
    await begun.close();
  });
});

describe('a file of a batch', () => {
  it('is read when its turn comes, and says its size before', async () => {
    const content = await sizedFile(join(folder, 'a.jpg'));
    if (content instanceof Uint8Array) throw new Error('it is read already');
    expect(content.size).toBe(9);
    expect((await readAll(content.stream())).toString()).toBe('a picture');
  });

  it('is refused where it has no bytes, and read at once where it is a named pipe', async () => {
    await expect(sizedFile(join(folder, 'empty.jpg'))).rejects.toMatchObject({ code: 'image_empty' });
    await expect(sizedFile(folder)).rejects.toMatchObject({ detail: 'The picture cannot be read: it is a folder.' });
    await expect(sizedFile('/dev/zero')).rejects.toMatchObject({
      detail: 'The picture cannot be read: it is a device.',
    });
    const path = makePipe('batch.jpg');
    const content = sizedFile(path);
    const writer = await open(path, 'w');
    await writer.write('a picture');
    await writer.close();
    expect(Buffer.from((await content) as Uint8Array).toString()).toBe('a picture');
  });
});
