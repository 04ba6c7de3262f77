import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assertModelName,
  DEFAULT_PREPROCESS,
  IMAGENET_LABELS_PATH,
  loadModel,
  parseLabels,
  parseManifestFile,
  readLabels,
} from './load-model.js';
import { temporaryFolder } from './mirror.test-support.js';

async function ownFolder(manifest: unknown): Promise<string> {
  const dir = join(await temporaryFolder(), 'my-model');
  await mkdir(dir);
  await writeFile(join(dir, 'manifest.json'), typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
  await writeFile(join(dir, 'model.onnx'), 'bytes');
  await writeFile(join(dir, 'labels.tsv'), 'x1\tcat\nx2\tdog\n');
  return dir;
}

// printf bytes | sha256sum
const BYTES_HASH = 'sha256:277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9';

describe("a user's own model folder", () => {
  it('needs no more than {} in its manifest', async () => {
    const { manifest, labels, modelPath } = await loadModel(await ownFolder({}));
    expect(manifest).toEqual({
      name: 'my-model',
      version: BYTES_HASH,
      weights: 'pretrained',
      file: 'model.onnx',
      labels: 'labels.tsv',
      description: '',
      preprocess: DEFAULT_PREPROCESS,
      outputs: 'logits',
    });
    expect(labels.map(({ label }) => label)).toEqual(['cat', 'dog']);
    expect(modelPath).toMatch(/my-model\/model\.onnx$/);
  });

  it('may state its own numbers', async () => {
    const dir = await ownFolder({ version: BYTES_HASH, classes: 2, preprocess: { resize: 232, std: [1, 1, 1] } });
    const { manifest } = await loadModel(dir);
    expect(manifest.preprocess).toEqual({ ...DEFAULT_PREPROCESS, resize: 232, std: [1, 1, 1] });
  });

  it.each([
    [{ name: 'other' }, 'model_manifest_invalid', 'Rename one of them'],
    [{ preproces: {} }, 'model_manifest_invalid', 'preproces'],
    [{ preprocess: { std: [1, 0, 1] } }, 'model_manifest_invalid', 'preprocess.std: must be positive'],
    [{ file: '../model.onnx' }, 'model_manifest_invalid', 'file name without a folder'],
    ['{', 'model_manifest_invalid', 'is not JSON'],
    [{ file: 'absent.onnx' }, 'model_file_missing', 'absent.onnx'],
    [{ labels: 'absent.tsv' }, 'labels_invalid', 'ENOENT'],
    [{ classes: 3 }, 'labels_invalid', '2 labels, the manifest says 3 classes'],
    [{ version: `sha256:${'0'.repeat(64)}` }, 'model_hash_mismatch', `found ${BYTES_HASH}`],
  ])('is refused with %j: %s', async (manifest, code, message) => {
    const error: unknown = await loadModel(await ownFolder(manifest)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code });
    expect(String(error)).toContain(message);
  });

  it('tells a missing folder from a missing manifest', async () => {
    const dir = await ownFolder({});
    await rm(join(dir, 'manifest.json'));
    await expect(loadModel(dir)).rejects.toMatchObject({ code: 'model_manifest_invalid' });
    await rm(dir, { recursive: true });
    await expect(loadModel(dir)).rejects.toMatchObject({ code: 'model_not_found' });
  });
});

describe('names and manifests from outside', () => {
  it('lets no name leave the models directory', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z./\\]{1,8}$/)), (name) => {
        try {
          assertModelName(name);
        } catch (error) {
          expect(error).toMatchObject({ code: 'model_name_invalid' });
          return;
        }
        expect(join('/models', name)).toBe(`/models/${name}`);
        expect(name).not.toMatch(/[/\\]|^\.|[^a-z0-9._-]/);
      }),
    );
  });

  it('answers any JSON document with a manifest or with model_manifest_invalid', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          parseManifestFile(text, 'manifest.json');
        } catch (error) {
          expect(error).toMatchObject({ code: 'model_manifest_invalid' });
        }
      }),
    );
  });
});

describe('labels', () => {
  it('ships the 1000 ImageNet classes in their order', async () => {
    const labels = await readLabels(IMAGENET_LABELS_PATH);
    expect(labels).toHaveLength(1000);
    expect(labels[0]).toEqual({ index: 0, wnid: 'n01440764', label: 'tench' });
    expect(labels[999]?.label).toBe('toilet tissue');
    expect(new Set(labels.map(({ wnid }) => wnid)).size).toBe(1000);
  });

  it('reads back any list it could have been written from', () => {
    const word = fc.stringMatching(/^[^\s\uFEFF]{1,12}$/);
    const row = fc.tuple(
      word,
      fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(' ')),
    );
    const ending = fc.constantFrom('\n', '\r\n');
    fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), ending, fc.boolean(), (rows, newline, mark) => {
        const text = (mark ? '\uFEFF' : '') + rows.map((fields) => fields.join('\t')).join(newline) + newline;
        expect(parseLabels(text)).toEqual(rows.map(([wnid, label], index) => ({ index, wnid, label })));
      }),
    );
  });

  it.each([
    ['', 'it is empty'],
    ['a\tcat\n\nb\tdog', 'line 2'],
    ['cat', 'line 1'],
    ['a\tcat\textra', 'line 1'],
    ['a\t', 'line 1 has no label'],
    ['a b\tcat', 'line 1 has no id'],
  ])('refuses %j and says where', (text, message) => {
    expect(() => parseLabels(text)).toThrow(expect.objectContaining({ code: 'labels_invalid' }));
    expect(() => parseLabels(text)).toThrow(message);
  });
});
