import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ensureModel } from './ensure-model.js';
import { writeError } from './errors.js';
import { randomContent, serveFile, setup, startMirror, temporaryFolder } from './mirror.test-support.js';

describe('ensureModel from an HTTP mirror', () => {
  it('downloads, verifies and loads, and asks nobody the second time', async () => {
    const { content, options, entry } = await setup();
    const mirror = await startMirror((request, response) => {
      expect(request.url).toBe('/mirror/tiny-1.onnx');
      serveFile(request, response, content);
    });
    const model = await ensureModel({ ...options, baseUrl: mirror.url });
    expect(model.manifest).toMatchObject({
      name: 'tiny',
      version: `sha256:${entry.sha256 ?? ''}`,
      weights: 'pretrained',
    });
    expect(await readFile(model.modelPath)).toEqual(content);
    expect(model.labels[207]).toEqual({ index: 207, wnid: 'n02099601', label: 'golden retriever' });
    expect((await ensureModel(options)).manifest).toEqual(model.manifest);
    expect(mirror.ranges).toEqual([null]);
  });

  it('continues where a killed run ended', async () => {
    const { content, options, leave } = await setup();
    await leave(content.subarray(0, 150_000));
    const mirror = await startMirror((request, response) => {
      serveFile(request, response, content);
    });
    await ensureModel({ ...options, baseUrl: mirror.url });
    expect(mirror.ranges).toEqual(['bytes=150000-']);
  });

  it.each([
    ['continues when the connection breaks', '"same"', 140_000],
    ['starts over when the connection breaks and the file has changed meanwhile', '"changed"', 200_000],
  ])('%s', async (_what, secondTag, secondLength) => {
    const { content, options } = await setup();
    let cut = (): void => undefined;
    let sent = 0;
    const mirror = await startMirror((request, response, count) => {
      if (count === 0) {
        response
          .writeHead(200, { 'content-length': content.length, etag: '"same"' })
          .write(content.subarray(0, 60_000));
        cut = () => response.destroy();
        return;
      }
      const start = request.headers['if-range'] === secondTag ? 60_000 : 0;
      sent = content.length - start;
      const range = start === 0 ? {} : { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` };
      response.writeHead(start === 0 ? 200 : 206, { etag: secondTag, ...range }).end(content.subarray(start));
    });
    // The connection ends when the first part has arrived, not after a time.
    const progress = ({ doneBytes }: { doneBytes: number }) => {
      if (doneBytes === 60_000) cut();
    };
    const model = await ensureModel({ ...options, baseUrl: mirror.url, progress });
    expect(await readFile(model.modelPath)).toEqual(content);
    expect(mirror.ranges).toEqual([null, 'bytes=60000-']);
    expect(sent).toBe(secondLength);
  });

  it('starts over when the server ignores Range', async () => {
    const { content, options, leave } = await setup();
    await leave(content.subarray(0, 150_000));
    const mirror = await startMirror((_request, response) => response.end(content));
    const model = await ensureModel({ ...options, baseUrl: mirror.url });
    expect(await readFile(model.modelPath)).toEqual(content);
  });

  it('starts over, once, when what was left belongs to another file', async () => {
    const { content, options, leave, lines } = await setup();
    await leave(randomContent(150_000));
    const mirror = await startMirror((request, response) => {
      serveFile(request, response, content);
    });
    await ensureModel({ ...options, baseUrl: mirror.url });
    expect(mirror.ranges).toEqual(['bytes=150000-', null]);
    expect(lines.join('\n')).toContain('starting over');
  });

  it('notices that the mirror has less than was already here', async () => {
    const { content, options, leave } = await setup();
    await leave(content.subarray(0, 150_000));
    const shorter = content.subarray(0, 100_000);
    const mirror = await startMirror((request, response) => {
      serveFile(request, response, shorter);
    });
    await expect(ensureModel({ ...options, baseUrl: mirror.url })).rejects.toThrow(
      createHash('sha256').update(shorter).digest('hex'),
    );
    expect(mirror.ranges).toEqual(['bytes=150000-', null]);
  });

  it.each([
    ['other bytes', (content: Buffer) => randomContent(content.length)],
    ['a shorter file', (content: Buffer) => content.subarray(0, -1)],
    ['a longer file', (content: Buffer) => Buffer.concat([content, Buffer.alloc(70_000)])],
    ['an empty file', () => Buffer.alloc(0)],
  ])('names both hashes and keeps nothing when the mirror has %s', async (_what, change) => {
    const { content, options, entry, modelsDir, part } = await setup();
    const wrong = change(content);
    const mirror = await startMirror((_request, response) => response.end(wrong));
    const error: unknown = await ensureModel({ ...options, baseUrl: mirror.url }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'model_hash_mismatch' });
    const kept = wrong.subarray(0, content.length + 1);
    expect(String(error)).toContain(`expected sha256:${entry.sha256 ?? ''}`);
    expect(String(error)).toContain(`found sha256:${createHash('sha256').update(kept).digest('hex')}`);
    expect(await readdir(modelsDir)).toEqual(['.staging']);
    await expect(readFile(part)).rejects.toThrow('ENOENT');
  });

  it('goes on to the next source after 404, a login page and a refused connection', async () => {
    const { content, options, entry } = await setup();
    const missing = await startMirror((_request, response) => response.writeHead(404).end());
    const portal = await startMirror((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<p>Sign in'),
    );
    const good = await startMirror((request, response) => {
      serveFile(request, response, content);
    });
    const sources = ['http://127.0.0.1:9/x.onnx', `${portal.url}/x.onnx`, `${good.url}/x.onnx`];
    const model = await ensureModel({ ...options, baseUrl: missing.url, catalogue: [{ ...entry, sources }] });
    expect(model.manifest.source).toBe(`${good.url}/x.onnx`);
  });

  it('says for each source why it failed when none will do', async () => {
    const { options, entry } = await setup();
    const busy = await startMirror((_request, response) => response.writeHead(503).end());
    const silent = await startMirror((_request, response) => response.writeHead(200).write('some'));
    const catalogue = [{ ...entry, sources: [`${silent.url}/x.onnx`] }];
    const error: unknown = await ensureModel({ ...options, catalogue, baseUrl: busy.url }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'model_unreachable' });
    expect(String(error)).toContain(`${busy.url}/tiny-1.onnx: HTTP 503 (3 tries)`);
    expect(String(error)).toContain(`${silent.url}/x.onnx: nothing came for 0.15 s (3 tries)`);
    expect(String(error)).toContain('MODEL_BASE_URL');
    expect(busy.ranges).toHaveLength(3);
  });

  it('stops when it is told to, and keeps what it has for the next run', async () => {
    const { content, options, part } = await setup();
    const stop = new AbortController();
    const mirror = await startMirror((request, response, count) => {
      if (count > 0) serveFile(request, response, content);
      else response.writeHead(200, { 'content-length': content.length }).write(content.subarray(0, 50_000));
    });
    const baseUrl = mirror.url;
    const progress = ({ doneBytes }: { doneBytes: number }) => {
      if (doneBytes === 50_000) stop.abort();
    };
    await expect(ensureModel({ ...options, baseUrl, progress, signal: stop.signal })).rejects.toMatchObject({
      code: 'model_fetch_aborted',
    });
    expect(await readFile(part)).toHaveLength(50_000);
    await ensureModel({ ...options, baseUrl });
    expect(mirror.ranges).toEqual([null, 'bytes=50000-']);
  });

  it('sends user and password of MODEL_BASE_URL, and shows them nowhere', async () => {
    const { content, options, lines } = await setup();
    const mirror = await startMirror((request, response) => {
      const expected = `Basic ${Buffer.from('ann:s3cret').toString('base64')}`;
      if (request.headers.authorization === expected) serveFile(request, response, content);
      else response.writeHead(401).end();
    });
    const model = await ensureModel({ ...options, baseUrl: mirror.url.replace('//', '//ann:s3cret@') });
    expect(`${lines.join()}${JSON.stringify(model.manifest)}`).not.toContain('s3cret');
  });
});

describe('ensureModel from a file:// mirror', () => {
  it('copies and verifies; a folder with spaces works', async () => {
    const { content, options } = await setup();
    const folder = join(await temporaryFolder(), 'a mirror');
    await mkdir(folder);
    await writeFile(join(folder, 'tiny-1.onnx'), content);
    const model = await ensureModel({ ...options, baseUrl: pathToFileURL(folder).href });
    expect(await readFile(model.modelPath)).toEqual(content);
  });

  it('refuses a wrong file, and goes on where there is none', async () => {
    const { content, options, entry } = await setup();
    const folder = await temporaryFolder();
    const baseUrl = pathToFileURL(folder).href;
    const good = await startMirror((request, response) => {
      serveFile(request, response, content);
    });
    await writeFile(join(folder, 'tiny-1.onnx'), 'not this');
    await expect(ensureModel({ ...options, baseUrl })).rejects.toMatchObject({ code: 'model_hash_mismatch' });
    const elsewhere = pathToFileURL(join(folder, 'elsewhere')).href;
    const catalogue = [{ ...entry, sources: [`${good.url}/x.onnx`] }];
    expect((await ensureModel({ ...options, baseUrl: elsewhere, catalogue })).manifest.name).toBe('tiny');
  });

  it.each(['models', 'ftp://host/models', 'file://models', 'https://'])(
    'refuses MODEL_BASE_URL=%s',
    async (baseUrl) => {
      const { options } = await setup();
      await expect(ensureModel({ ...options, baseUrl })).rejects.toMatchObject({ code: 'model_base_url_invalid' });
    },
  );
});

describe('a disk that will not take it', () => {
  it('says that the models directory is read-only', async () => {
    const { options } = await setup();
    // Nothing but the kernel's own file system refuses root.
    const dir = process.getuid?.() === 0 ? '/sys/models' : await temporaryFolder();
    if (process.getuid?.() !== 0) await chmod(dir, 0o500);
    await expect(ensureModel({ ...options, modelsDir: dir })).rejects.toMatchObject({ code: 'models_dir_unwritable' });
  });

  it('says so when the models directory is a file', async () => {
    const { options } = await setup();
    const file = join(await temporaryFolder(), 'models');
    await writeFile(file, '');
    await expect(ensureModel({ ...options, modelsDir: file })).rejects.toMatchObject({ code: 'models_dir_unwritable' });
  });

  it('says that the disk is full', async () => {
    // The kernel's own full device: the same ENOSPC that a full disk gives.
    const error: unknown = await writeFile('/dev/full', 'x').catch((reason: unknown) => reason);
    expect(writeError(error, '/models')).toMatchObject({ code: 'disk_full' });
    const { options, entry } = await setup();
    const catalogue = [{ ...entry, bytes: Number.MAX_SAFE_INTEGER }];
    await expect(ensureModel({ ...options, catalogue })).rejects.toMatchObject({ code: 'disk_full' });
  });
});
