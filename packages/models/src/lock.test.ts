import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { acquireLock, type LockHolder } from './lock.js';
import { fakeEntry, randomContent, serveFile, startMirror, temporaryFolder } from './mirror.test-support.js';

const packageDir = fileURLToPath(new URL('..', import.meta.url));
const holding = (holder: Partial<LockHolder>): string =>
  JSON.stringify({ pid: process.pid, host: hostname(), token: 'x', ...holder });

/** The number of a process that has ended. */
function deadPid(): number {
  return Number(execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }));
}

describe('lock', () => {
  it('lets one in at a time, in the same process too', async () => {
    const path = join(await temporaryFolder(), 'x.lock');
    let inside = 0;
    let most = 0;
    const visit = async () => {
      const release = await acquireLock(path, { onWait: () => undefined });
      most = Math.max(most, ++inside);
      await readdir(join(path, '..'));
      inside -= 1;
      await release();
    };
    await Promise.all(Array.from({ length: 5 }, visit));
    expect(most).toBe(1);
    expect(await readdir(join(path, '..'))).toEqual([]);
  });

  it('takes over from a process that is gone, without waiting', async () => {
    const path = join(await temporaryFolder(), 'x.lock');
    await writeFile(path, holding({ pid: deadPid() }));
    const waits: unknown[] = [];
    const release = await acquireLock(path, { onWait: (holder) => waits.push(holder) });
    expect(waits).toEqual([]);
    await release();
  });

  it.each([
    ['another host that shows no sign of life', holding({ host: 'elsewhere' })],
    ['a lock file that is not readable', '{'],
  ])('takes over from %s', async (_what, content) => {
    const path = join(await temporaryFolder(), 'x.lock');
    await writeFile(path, content);
    const waits: number[] = [];
    const release = await acquireLock(path, { staleMs: 150, onWait: (_holder, waitedMs) => waits.push(waitedMs) });
    expect(waits).toHaveLength(1);
    await release();
  });

  it('ends waiting when it is told to, and leaves the lock to its holder', async () => {
    const path = join(await temporaryFolder(), 'x.lock');
    const content = holding({});
    await writeFile(path, content);
    const stop = new AbortController();
    const onWait = () => {
      stop.abort(new Error('enough'));
    };
    await expect(acquireLock(path, { signal: stop.signal, onWait })).rejects.toThrow(/enough|abort/);
    expect(await readFile(path, 'utf8')).toBe(content);
  });
});

describe('several processes that want the same model', () => {
  function start(modelsDir: string, baseUrl: string, entry: unknown) {
    const index = pathToFileURL(join(packageDir, 'dist', 'index.js')).href;
    const program = `
      import { ensureModel } from ${JSON.stringify(index)};
      const model = await ensureModel({
        name: 'tiny', modelsDir: ${JSON.stringify(modelsDir)}, baseUrl: ${JSON.stringify(baseUrl)},
        catalogue: [${JSON.stringify(entry)}], log: (level, message) => console.log(level, message),
      });
      console.log('version', model.manifest.version);`;
    return spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  it('download once; the others wait, say so, and use it', async () => {
    const content = randomContent();
    const modelsDir = await temporaryFolder();
    // The download may end only when both others have said that they wait, whichever comes first, that or the request.
    let othersWait = (): void => undefined;
    const bothWait = new Promise<void>((resolve) => (othersWait = resolve));
    const mirror = await startMirror((request, response) => {
      void bothWait.then(() => {
        serveFile(request, response, content);
      });
    });
    const children = [0, 1, 2].map(() => start(modelsDir, mirror.url, fakeEntry(content)));
    const outputs = children.map((child) => text(child.stdout));
    const waiting = new Set<unknown>();
    for (const child of children) {
      child.stdout.on('data', (chunk: Buffer) => {
        if (chunk.includes('waiting for process') && waiting.add(child).size === 2) othersWait();
      });
    }
    const seen = await Promise.all(outputs);
    const version = `version sha256:${createHash('sha256').update(content).digest('hex')}`;
    for (const output of seen) expect(output).toContain(version);
    expect(seen.filter((output) => output.includes('waiting for process'))).toHaveLength(2);
    expect(mirror.ranges).toEqual([null]);
    expect(await readdir(join(modelsDir, '.staging'))).toEqual([]);
  });

  it('go on where a killed one ended', async () => {
    const content = randomContent();
    const modelsDir = await temporaryFolder();
    const first: { child?: ReturnType<typeof start> } = {};
    const mirror = await startMirror((request, response, count) => {
      if (count > 0) serveFile(request, response, content);
      else response.writeHead(200, { 'content-length': content.length }).write(content.subarray(0, 120_000));
    });
    first.child = start(modelsDir, mirror.url, fakeEntry(content));
    const part = join(modelsDir, '.staging', 'tiny', 'tiny-1.onnx.part');
    await expect.poll(async () => (await readFile(part).catch(() => '')).length).toBe(120_000);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    const second = start(modelsDir, mirror.url, fakeEntry(content));
    expect(await text(second.stdout)).toContain('version sha256:');
    expect(mirror.ranges).toEqual([null, 'bytes=120000-']);
    await rm(modelsDir, { recursive: true });
  });
});
