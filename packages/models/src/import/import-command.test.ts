import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkpointFile, makeCheckpoint } from '../../../../test/fixtures/checkpoints/index.js';
import { networks } from '../../../../test/fixtures/checkpoints/networks.js';
import { parseImport, runCli } from '../commands.js';
import { temporaryFolder } from '../mirror.test-support.js';

async function cli() {
  const folder = await temporaryFolder();
  const run = async (...args: string[]) => {
    const out: string[] = [];
    const err: string[] = [];
    const code = await runCli(['import', ...args], {
      modelsDir: join(folder, 'models'),
      baseUrl: undefined,
      signal: new AbortController().signal,
      out: (line) => out.push(line),
      err: { write: (text) => err.push(text) },
    });
    return { code, out: out.join('\n'), err: err.join('') };
  };
  return { folder, run };
}

describe('npm run models -- import', () => {
  it('makes a model folder of a fine-tuned network, once', async () => {
    const { folder, run } = await cli();
    const weights = join(folder, 'flowers.pth');
    const names = join(folder, 'classes.txt');
    await writeFile(weights, makeCheckpoint(networks['efficientnet-lite0']?.shapes() ?? new Map()));
    expect(await run(weights, '--name', 'flowers')).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /labels_invalid: The network has 300 classes, and nothing says .* --labels FILE/,
      ) as string,
    });
    await writeFile(names, Array.from({ length: 300 }, (_, index) => `Wild rose ${index}\n`).join(''));
    const { code, out } = await run(weights, '--name', 'flowers', '--labels', names, '--arch', 'efficientnet-lite0');
    expect(code).toBe(0);
    expect(out).toMatch(/^flowers sha256:[0-9a-f]{64} \(efficientnet-lite0, 300 classes\) is in /);
    const made = (file: string) => readFile(join(folder, 'models', 'flowers', file), 'utf8');
    expect(JSON.parse(await made('manifest.json'))).toMatchObject({
      name: 'flowers',
      classes: 300,
      outputs: 'logits',
      description: 'efficientnet-lite0, imported from flowers.pth',
      source: expect.stringMatching(/^flowers\.pth, sha256 [0-9a-f]{64}$/) as string,
      preprocess: { resize: 256, crop: 224, interpolation: 'bicubic' },
    });
    expect(await made('labels.tsv')).toMatch(/^Wild-rose-0\tWild rose 0\nWild-rose-1\tWild rose 1\n/);
    expect(await run(weights, '--name', 'flowers', '--labels', names)).toMatchObject({
      code: 1,
      err: expect.stringContaining('model_exists') as string,
    });
    await writeFile(names, 'a\trose\nb\ttulip\n');
    expect(await run(weights, '--name', 'two', '--labels', names)).toMatchObject({
      code: 1,
      err: expect.stringContaining('has 2 labels, the network has 300 classes') as string,
    });
  });

  it('names the file and what is wrong with it, and leaves nothing behind', async () => {
    const { folder, run } = await cli();
    const missing = join(folder, 'missing.pth');
    expect((await run(missing, '--name', 'x')).err).toMatch(
      /checkpoint_unreadable: .*missing\.pth cannot be read \(ENOENT\)/,
    );
    expect((await run(folder, '--name', 'x')).err).toMatch(/checkpoint_unreadable: .* \(EISDIR\)/);
    const { code, err } = await run(checkpointFile('module.pth'), '--name', 'x');
    expect(code).toBe(1);
    expect(err).toMatch(/checkpoint_refused: .*module\.pth: it needs the Python class or function "torch/);
    expect((await run(checkpointFile('plain.pth'), '--name', 'x')).err).toMatch(/none of the networks that are known/);
  });

  it('exits 2 for wrong usage', async () => {
    const { run } = await cli();
    for (const args of [
      [],
      ['a.pth'],
      ['a.pth', 'b.pth', '--name', 'x'],
      ['a.pth', '--name'],
      ['a.pth', '--size', '3'],
    ]) {
      expect(parseImport(args)).toMatch(/^import: /);
      expect((await run(...args)).code).toBe(2);
    }
    expect((await run('a.pth', '--name', '../x')).code).toBe(2);
    const { code, err } = await run('a.pth', '--name', 'x', '--arch', 'vgg16');
    expect([code, err]).toEqual([2, expect.stringMatching(/no architecture "vgg16"\. Known are resnet18/)]);
  });
});
