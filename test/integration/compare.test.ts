/** `npm run models -- compare` as somebody at a terminal runs it: the real script, models and photos. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildResnet50Int8, ensureModel } from '@quintet/models';
import { full } from '../support/full.js';
import { namedPictures, pictureFolder } from '../support/pictures.js';
import { makeSmallModel } from '../support/small-model.js';
import { testDataDir, testModel } from '../support/test-model.js';

const script = fileURLToPath(new URL('../../scripts/models.mjs', import.meta.url));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface ModelPart {
  readonly name: string;
  readonly weights: string;
  readonly bytes: number;
  readonly latency_ms: number;
  readonly accuracy?: { readonly pictures: number; readonly top1: number; readonly top5: number };
}

interface Report {
  readonly a: ModelPart;
  readonly b: ModelPart;
  readonly speed_ratio: number;
  readonly agreement: { readonly pictures: number; readonly top1_agreement: number; readonly total_variation: number };
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
  readonly settings: Readonly<Record<string, unknown>>;
  readonly warning?: string;
}

let folder: string;
let images: string;

function compare(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = {
      ...process.env,
      MODELS_DIR: join(folder, 'models'),
      DATA_DIR: join(folder, 'data'),
      INT8_ARITHMETIC: '',
      ...environment,
    };
    execFile(process.execPath, [script, 'compare', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, stdout, stderr });
    });
  });
}

describe('npm run models -- compare', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quintet-compare-'));
    images = join(folder, 'images');
    await mkdir(images);
    await makeSmallModel(join(folder, 'models'), 'float');
    await makeSmallModel(join(folder, 'models'), 'int8', { build: buildResnet50Int8 });
    for (const { file, wnid } of namedPictures.slice(0, 4)) {
      await copyFile(join(pictureFolder, file), join(images, `${wnid}_${file}`));
    }
    await writeFile(join(images, 'notes.txt'), 'not a picture');
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('tells agreement, sizes and speed of two models, and what it skipped', async () => {
    const { code, stdout, stderr } = await compare(['float', 'int8', '--images', images, '--json']);
    expect(stderr).toContain('skipped notes.txt: ');
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as Report;
    expect(report.agreement.pictures).toBe(4);
    expect(report.skipped.map(({ file }) => file)).toEqual(['notes.txt']);
    expect(report.agreement.total_variation).toBeGreaterThan(0);
    expect(report.agreement.total_variation).toBeLessThan(0.6);
    expect(report.a.bytes).toBeGreaterThan(3 * report.b.bytes);
    expect(report.speed_ratio).toBeCloseTo(report.a.latency_ms / report.b.latency_ms, 6);
    // Pictures named like ImageNet's: their classes are known.
    expect(report.b.accuracy?.pictures).toBe(4);
    expect(report.settings).toMatchObject({ intra_op_threads: 1, int8_arithmetic: 'exact' });
    expect(report.warning).toContain('float and int8 have generated weights: predictions mean nothing');
  });

  it('fetches what is missing, and finds that a model agrees with itself', async () => {
    const { code, stdout, stderr } = await compare([testModel, testModel, '--images', images, '--limit', '3'], {
      INT8_ARITHMETIC: 'fast',
    });
    expect(stderr).toContain(`fetching ${testModel}`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^same first class +100\.0 % \(3 of 3\)$/m);
    expect(stdout).toMatch(/^total variation distance +0\.0000$/m);
    expect(stdout).toMatch(/int8 fast/);
    expect(stdout).not.toContain('Warning');
  });

  it('refuses wrong usage with 2, and says what is wrong', async () => {
    const cases: [string[], RegExp][] = [
      [['float'], /names of two models are missing/],
      [['float', 'int8'], /--images DIR is missing/],
      [['float', 'int8', '--images', join(folder, 'absent')], /cannot be read/],
      [['../float', 'int8', '--images', images], /model_name_invalid/],
    ];
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await compare(args);
      expect(stderr).toMatch(message);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    }
    const bad = await compare(['float', 'int8', '--images', images], { INT8_ARITHMETIC: 'exactly' });
    expect(bad.stderr).toContain('INT8_ARITHMETIC="exactly" is not allowed');
    expect(bad.code).toBe(2);
  });

  it('fails with 1 where no picture can be read, where a model is unknown, and where the classes differ', async () => {
    const texts = join(folder, 'texts');
    await mkdir(texts);
    await writeFile(join(texts, 'a.jpg'), 'text');
    const none = await compare(['float', 'int8', '--images', texts]);
    expect(none.stderr).toMatch(/skipped a\.jpg: [^]*compare: none of the 1 files in .* can be read/);
    expect(none.code).toBe(1);
    const unknown = await compare(['float', 'nope', '--images', images]);
    expect(unknown.stderr).toMatch(/error model_not_found: There is no model nope/);
    expect(unknown.code).toBe(1);
    await makeSmallModel(join(folder, 'models'), 'other');
    await writeFile(join(folder, 'models', 'other', 'labels.tsv'), 'a\tcat\nb\tdog\n');
    const differ = await compare(['float', 'other', '--images', images]);
    expect(differ.stderr).toMatch(/different classes apart \(float has 1000, other has 2\)/);
    expect(differ.code).toBe(1);
  });

  it('takes no more pixels than are allowed', async () => {
    const { code, stderr } = await compare(['float', 'int8', '--images', images], { MAX_IMAGE_PIXELS: '100' });
    expect(stderr).toMatch(/skipped n\d{8}_.*: image_too_many_pixels/);
    expect(code).toBe(1);
  });
});

/** Two networks of the full size take a while. */
if (full) {
  it('resnet50-demo-int8 is generated by name, and worth having: it is the faster one', async () => {
    // Kept between runs.
    const kept = join(testDataDir, 'models');
    const names = ['resnet50-demo', 'resnet50-demo-int8'];
    for (const name of names) await ensureModel({ name, modelsDir: kept, log: () => undefined });
    const pictures = join(await mkdtemp(join(tmpdir(), 'quintet-compare-')), 'pictures');
    await mkdir(pictures);
    for (const { file } of namedPictures) await copyFile(join(pictureFolder, file), join(pictures, file));
    const { code, stdout } = await compare([...names, '--images', pictures, '--json'], { MODELS_DIR: kept });
    await rm(join(pictures, '..'), { recursive: true });
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as Report;
    // Twice as fast without VNNI instructions, three times with: less is a graph that does not run in int8.
    expect(report.speed_ratio).toBeGreaterThan(1.3);
    expect(report.agreement.top1_agreement).toBeGreaterThanOrEqual(0.25);
    expect(report.warning).toBeDefined();
  });
}
