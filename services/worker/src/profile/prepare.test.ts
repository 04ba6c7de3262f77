import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildResnet50, buildResnet50Int8, encodeModel } from '@quintet/models';
import { describe, expect, it, onTestFinished } from 'vitest';

const small = { width: 16, blocks: [1, 1, 1, 1], classes: 20, imageSize: 64 } as const;

/** In a process of its own, as the worker does it: sessions block and crash. Rejects with what it throws. */
async function prepare(model: string, folder: string, exactInt8: boolean): Promise<void> {
  const program = `
    const { prepareModel } = await import(${JSON.stringify(new URL('../../dist/profile/prepare.js', import.meta.url).href)});
    const [path, folder, exact] = process.argv.slice(1);
    const input = { crop: 64, mean: [0, 0, 0], std: [1, 1, 1], layout: 'NCHW', color: 'RGB' };
    await prepareModel({ path, prepared: false, exactInt8: exact === 'true' }, folder, input);`;
  const args = ['--input-type=module', '--eval', program, model, folder, String(exactInt8)];
  await promisify(execFile)(process.execPath, args, { env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' } });
}

describe('prepareModel', () => {
  it.each([
    ['float32', buildResnet50, true],
    ['int8, exact', buildResnet50Int8, true],
    ['int8, fast', buildResnet50Int8, false],
  ])('writes a model that answers the same to the bit: %s', async (_name, build, exactInt8) => {
    const folder = await mkdtemp(join(tmpdir(), 'quintet-prepare-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const model = join(folder, 'plain.onnx');
    await writeFile(model, encodeModel(build(small).model));
    await prepare(model, folder, exactInt8);
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['model.onnx', 'weights.bin']));
  });
});
