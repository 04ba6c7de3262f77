import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CatalogueEntry } from './catalogue.js';
import { ensureModel } from './ensure-model.js';
import { fakeEntry, randomContent, serveFile, setup, startMirror } from './mirror.test-support.js';
import { encodeModel } from './onnx/encode.js';
import { buildResnet50 } from './onnx/resnet50.js';

describe('a checkpoint', () => {
  const build = () => buildResnet50({ width: 2, blocks: [1], classes: 1000, imageSize: 32 }).model;

  async function setupCheckpoint() {
    const { content, options, entry, ...rest } = await setup();
    const converted: Buffer[] = [];
    const convert = async (path: string) => {
      converted.push(await readFile(path));
      return build();
    };
    const mirror = await startMirror((request, response) => {
      serveFile(request, response, content);
    });
    const catalogue = [{ ...entry, file: 'tiny-1.pth', sources: [`${mirror.url}/tiny-1.pth`], convert }];
    return { ...rest, content, entry, mirror, converted, options: { ...options, catalogue } };
  }

  it('is downloaded, verified and converted; the manifest names both files', async () => {
    const { options, entry, content, converted, mirror, modelsDir } = await setupCheckpoint();
    const { manifest, modelPath } = await ensureModel(options);
    expect(converted).toEqual([content]);
    const onnx = Buffer.concat([...encodeModel(build())]);
    expect(await readFile(modelPath)).toEqual(onnx);
    expect(manifest).toMatchObject({
      version: `sha256:${createHash('sha256').update(onnx).digest('hex')}`,
      checkpoint: `sha256:${entry.sha256 ?? ''}`,
      source: `${mirror.url}/tiny-1.pth`,
    });
    expect(await readdir(join(modelsDir, '.staging'))).toEqual([]);
  });

  it('is had once; what was made of it is fetched again only where it is damaged', async () => {
    const { options, converted, lines, modelsDir } = await setupCheckpoint();
    const { modelPath } = await ensureModel(options);
    await ensureModel(options);
    expect(converted).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([]);
    await writeFile(modelPath, 'rotten');
    await ensureModel(options);
    expect(converted).toHaveLength(2);
    expect(await readdir(modelsDir)).toEqual(['.staging', 'tiny']);
  });

  it('is not converted where another file came', async () => {
    const { options, converted } = await setupCheckpoint();
    const [entry] = options.catalogue;
    const catalogue = [{ ...entry, sha256: '0'.repeat(64) }] as CatalogueEntry[];
    await expect(ensureModel({ ...options, catalogue })).rejects.toMatchObject({ code: 'model_hash_mismatch' });
    expect(converted).toEqual([]);
  });
});

describe('what is there already', () => {
  it('replaces its own folder when it is damaged', async () => {
    const { content, options, lines } = await setup();
    const mirror = await startMirror((request, response) => {
      serveFile(request, response, content);
    });
    const { modelPath } = await ensureModel({ ...options, baseUrl: mirror.url });
    await writeFile(modelPath, 'rotten');
    const again = await ensureModel({ ...options, baseUrl: mirror.url });
    expect(await readFile(again.modelPath)).toEqual(content);
    expect(lines.join('\n')).toContain('damaged');
    expect(await readdir(join(options.modelsDir))).toEqual(['.staging', 'tiny']);
  });

  it('uses a folder that somebody else put there, and never deletes it', async () => {
    const { options, modelsDir } = await setup();
    const dir = join(modelsDir, 'tiny');
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'model.onnx'), 'mine');
    await expect(ensureModel(options)).rejects.toMatchObject({ code: 'model_manifest_invalid' });
    await writeFile(join(dir, 'manifest.json'), '{}');
    await writeFile(join(dir, 'labels.tsv'), 'cat\tcat\ndog\tdog\n');
    const { manifest, labels } = await ensureModel(options);
    expect(manifest.version).toBe(`sha256:${createHash('sha256').update('mine').digest('hex')}`);
    expect(labels).toHaveLength(2);
  });

  it('names what there is when a model is unknown', async () => {
    const { options, modelsDir } = await setup();
    await mkdir(join(modelsDir, 'my-own'), { recursive: true });
    const error: unknown = await ensureModel({ ...options, name: 'nope' }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'model_not_found' });
    expect(String(error)).toMatch(/tiny.*my-own/);
    await expect(ensureModel({ ...options, name: '../etc' })).rejects.toMatchObject({ code: 'model_name_invalid' });
  });

  it('uses, under a name that means another file now, the one that it meant before, and says so', async () => {
    const { options, entry, content, lines } = await setup();
    const mirror = await startMirror((request, response) => {
      serveFile(request, response, content);
    });
    await ensureModel({ ...options, baseUrl: mirror.url });
    const newer = { ...fakeEntry(randomContent()), convert: () => Promise.reject(new Error('not to be called')) };
    const catalogue = [newer, { ...entry, name: 'tiny-before' }];
    expect(await readFile((await ensureModel({ ...options, catalogue })).modelPath)).toEqual(content);
    expect(lines.at(-1)).toMatch(/^warn: tiny in .* is the file of tiny-before; using it. Move the folder away, /);
  });

  it('generates a model once, and anew when the recipe has changed', async () => {
    const { options, entry, lines } = await setup();
    const { sha256: _sha, bytes: _bytes, ...rest } = entry;
    const build = () => buildResnet50({ width: 2, blocks: [1], classes: 1000, imageSize: 32 }).model;
    const catalogue = (recipe: string) => [{ ...rest, weights: 'demo' as const, generate: { recipe, build } }];
    const first = await ensureModel({ ...options, catalogue: catalogue('r/1') });
    expect(first.manifest).toMatchObject({ weights: 'demo', source: 'generated:r/1' });
    await ensureModel({ ...options, catalogue: catalogue('r/1') });
    const third = await ensureModel({ ...options, catalogue: catalogue('r/2') });
    expect(third.manifest).toMatchObject({ version: first.manifest.version, source: 'generated:r/2' });
    expect(lines.filter((line) => line.startsWith('info: generating'))).toHaveLength(2);
    expect(lines.filter((line) => line.includes('predictions mean nothing'))).toHaveLength(3);
  });
});
