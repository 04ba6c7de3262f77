import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../../../test/support/service-process.js';
import { watchFolders } from './watch-folder.js';

let folder: string;
let controller: AbortController;
let seen: string[];
let skipped: string[];
let watching: Promise<void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quintet-watch-'));
  controller = new AbortController();
  seen = [];
  skipped = [];
});
afterEach(async () => {
  controller.abort();
  await watching;
  await rm(folder, { recursive: true, force: true });
});

function watch(intervalMs = 10): void {
  watching = (async () => {
    const onSkipped = (path: string, kind: string) => skipped.push(`${basename(path)}: ${kind}`);
    const options = { recursive: true, intervalMs, signal: controller.signal, onSkipped };
    for await (const path of watchFolders([folder], options)) seen.push(basename(path));
  })();
}

const has = (...names: string[]): Promise<void> =>
  eventually(() => {
    expect(seen).toEqual(names);
  });

describe('a folder that is watched', () => {
  it('yields what is there, by name, and then what comes, in folders that come too', async () => {
    await writeFile(join(folder, 'b.jpg'), 'b');
    await writeFile(join(folder, 'a.jpg'), 'a');
    watch();
    await has('a.jpg', 'b.jpg');
    await mkdir(join(folder, 'new'));
    await writeFile(join(folder, 'new', 'c.jpg'), 'c');
    await has('a.jpg', 'b.jpg', 'c.jpg');
  });

  it('waits while a file is empty or grows, and takes no notice of names that are none of pictures', async () => {
    await writeFile(join(folder, 'upload.jpg.part'), 'whole');
    await writeFile(join(folder, 'empty.jpg'), '');
    watch();
    await rename(join(folder, 'upload.jpg.part'), join(folder, 'upload.jpg'));
    await has('upload.jpg');
    await appendFile(join(folder, 'empty.jpg'), 'no longer');
    await has('upload.jpg', 'empty.jpg');
  });

  it('tells once of a named pipe, and does not read it', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.jpg')]);
    watch();
    for (const name of ['a.jpg', 'b.jpg']) {
      await writeFile(join(folder, name), name);
      await eventually(() => {
        expect(seen).toContain(name);
      });
    }
    expect(skipped).toEqual(['pipe.jpg: a named pipe']);
  });

  it('yields a file again that was written anew', async () => {
    await writeFile(join(folder, 'a.jpg'), 'first');
    watch();
    await has('a.jpg');
    await writeFile(join(folder, 'a.jpg'), 'second, longer');
    await has('a.jpg', 'a.jpg');
  });
});
