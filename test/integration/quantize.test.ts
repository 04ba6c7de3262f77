/** `npm run models -- quantize` as somebody at a terminal runs it: the real script, a small model, pictures made here. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IMAGENET_LABELS_PATH, buildResnet50, encodeModel, readLinearHead } from '@quintet/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeImage } from '../fixtures/images/index.js';

const script = fileURLToPath(new URL('../../scripts/models.mjs', import.meta.url));

let folder: string;
let images: string;
const modelDir = (name: string, ...path: string[]): string => join(folder, 'models', name, ...path);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quintet-quantize-'));
  images = join(folder, 'images');
  await mkdir(images);
  for (const [index, format] of (['jpeg', 'png', 'webp'] as const).entries()) {
    await writeFile(
      join(images, `${index}.${format}`),
      await makeImage({ format, width: 300 + 40 * index, height: 260 }),
    );
  }
  await writeFile(join(images, 'notes.txt'), 'not a picture');
  await mkdir(modelDir('own'), { recursive: true });
  await writeFile(modelDir('own', 'model.onnx'), encodeModel(buildResnet50({ width: 16, blocks: [1, 1, 1, 1] }).model));
  const manifest = { weights: 'demo', license: 'CC0-1.0', preprocess: { interpolation: 'bicubic' } };
  await writeFile(modelDir('own', 'manifest.json'), JSON.stringify(manifest));
  await copyFile(IMAGENET_LABELS_PATH, modelDir('own', 'labels.tsv'));
});
afterAll(() => rm(folder, { recursive: true }));

function quantize(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, MODELS_DIR: join(folder, 'models'), DATA_DIR: join(folder, 'data') };
  return new Promise((resolve) => {
    execFile(process.execPath, [script, 'quantize', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, stdout, stderr });
    });
  });
}

const hashOf = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

describe('npm run models -- quantize', () => {
  it('makes a model that compare finds close to its own, and the same again of the ranges alone', async () => {
    const { code, stdout, stderr } = await quantize('own', '--images', images);
    expect(stderr).toMatch(/skipped notes\.txt: image_/);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^own-int8 sha256:[0-9a-f]{64} is in /);
    expect(stdout).toMatch(/model +own +own-int8/);
    expect(stdout).toMatch(/pictures +3, 1 skipped/);
    expect((await readdir(modelDir('own-int8'))).filter((name) => name !== 'cache').sort()).toEqual([
      ...['labels.tsv', 'manifest.json', 'model.onnx', 'ranges.json'],
    ]);
    const made = await hashOf(modelDir('own-int8', 'model.onnx'));
    const manifest = JSON.parse(await readFile(modelDir('own-int8', 'manifest.json'), 'utf8')) as object;
    expect(manifest).toMatchObject({
      name: 'own-int8',
      version: `sha256:${made}`,
      weights: 'demo',
      license: 'CC0-1.0',
      preprocess: { interpolation: 'bicubic' },
      source: `quantised from own sha256:${await hashOf(modelDir('own', 'model.onnx'))}`,
    });
    expect(await readLinearHead(modelDir('own-int8', 'model.onnx'))).toMatchObject({ classes: 1000, channels: 512 });
    const ranges = join(folder, 'ranges.json');
    await copyFile(modelDir('own-int8', 'ranges.json'), ranges);

    const again = await quantize('own', '--images', images);
    expect(again.stderr).toMatch(/model_exists: .*Remove it first: rm -r .*own-int8/);
    expect(again.code).toBe(1);

    await rm(modelDir('own-int8'), { recursive: true });
    const repeated = await quantize('own', '--ranges', ranges);
    expect(repeated).toMatchObject({ code: 0, stdout: expect.not.stringContaining('pictures') as string });
    expect(await hashOf(modelDir('own-int8', 'model.onnx'))).toBe(made);
  });

  it('says what cannot be quantised, and why', async () => {
    await mkdir(modelDir('twice'));
    for (const file of ['manifest.json', 'labels.tsv']) await copyFile(modelDir('own', file), modelDir('twice', file));
    const ranges = modelDir('own-int8', 'ranges.json');
    await copyFile(modelDir('own-int8', 'model.onnx'), modelDir('twice', 'model.onnx'));
    const twice = await quantize('twice', '--images', images);
    expect(twice.stderr).toMatch(/twice cannot be used: it is quantised already/);
    const foreign = await quantize('twice', '--ranges', ranges);
    expect(foreign.stderr).toMatch(/ranges\.json cannot be used: they belong to the file sha256:/);
    const texts = join(folder, 'texts');
    await mkdir(texts);
    await rm(modelDir('own-int8'), { recursive: true });
    const empty = await quantize('own', '--images', texts);
    expect(empty.stderr).toMatch(/there are no files/);
    await copyFile(join(images, 'notes.txt'), join(texts, 'notes.txt'));
    const none = await quantize('own', '--images', texts);
    expect(none.stderr).toMatch(/none of the 1 files/);
    const unknown = await quantize('own', '--images', join(folder, 'absent'));
    expect(unknown.stderr).toMatch(/quantize: the folder .* cannot be read/);
    expect([twice, foreign, empty, none, unknown].map(({ code }) => code)).toEqual([1, 1, 1, 1, 2]);
    expect(await readdir(join(folder, 'models'))).not.toContain('own-int8');
  });
});
