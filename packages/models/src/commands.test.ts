import { execFile } from 'node:child_process';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { catalogue, findCatalogueEntry } from './catalogue.js';
import { USAGE, runCli } from './commands.js';
import { temporaryFolder } from './mirror.test-support.js';

async function cli() {
  const modelsDir = join(await temporaryFolder(), 'models');
  const run = async (...args: string[]) => {
    const out: string[] = [];
    const err: string[] = [];
    const code = await runCli(args, {
      modelsDir,
      baseUrl: undefined,
      signal: new AbortController().signal,
      out: (line) => out.push(line),
      err: { write: (text) => err.push(text) },
    });
    return { code, out: out.join('\n'), err: err.join('') };
  };
  return { modelsDir, run };
}

describe('npm run models', () => {
  it('lists the catalogue and what is here', async () => {
    const { modelsDir, run } = await cli();
    await mkdir(join(modelsDir, 'my-own'), { recursive: true });
    const { code, out } = await run('list');
    expect(code).toBe(0);
    for (const { name } of catalogue) expect(out).toMatch(new RegExp(`^${name} .* no `, 'm'));
    expect(out).toMatch(/^resnet50 +102\.5 MB +pretrained/m);
    expect(out).toMatch(/^my-own .*damaged +model_manifest_invalid/m);
  });

  it.each([
    [[]],
    [['bogus']],
    [['fetch']],
    [['fetch', 'a', 'b']],
    [['list', 'x']],
    [['fetch', '../x']],
    [['demo', 'resnet50']],
    [['demo', 'a', 'b']],
  ])('exits 2 for wrong usage: %j', async (args: string[]) => {
    const { run } = await cli();
    const { code, err } = await run(...args);
    expect(code).toBe(2);
    expect(err).not.toBe('');
  });

  it('explains itself, exit codes too', async () => {
    const { run } = await cli();
    expect(await run('fetch', '--help')).toEqual({ code: 0, out: USAGE, err: '' });
    expect(USAGE).toContain('Exit codes: 0');
  });

  it('exits 1 for a model that is not there or that nobody knows', async () => {
    const { run } = await cli();
    expect(await run('verify', 'resnet50')).toMatchObject({
      code: 1,
      out: expect.stringContaining('BAD  resnet50') as string,
    });
    expect(await run('fetch', 'nope')).toMatchObject({
      code: 1,
      err: expect.stringContaining('mobilenetv2') as string,
    });
  });

  it('runs through scripts/models.mjs with the environment of the user', async () => {
    const { modelsDir } = await cli();
    const script = fileURLToPath(new URL('../../../scripts/models.mjs', import.meta.url));
    await mkdir(join(modelsDir, 'cats'), { recursive: true });
    await writeFile(join(modelsDir, 'cats', 'manifest.json'), '{}');
    await writeFile(join(modelsDir, 'cats', 'model.onnx'), 'x');
    await writeFile(join(modelsDir, 'cats', 'labels.tsv'), 'a\tcat\n');
    const run = (...args: string[]) =>
      new Promise<{ code: unknown; stdout: string }>((resolve) => {
        const env = { ...process.env, MODELS_DIR: modelsDir };
        execFile(process.execPath, [script, ...args], { env }, (error, stdout) => {
          resolve({ code: error?.code ?? 0, stdout });
        });
      });
    expect(await run('verify')).toEqual({ code: 0, stdout: expect.stringMatching(/^ok {3}cats {2}sha256:/) as string });
    expect((await run('bogus')).code).toBe(2);
  });

  it('puts the bundled model in place, without any source, and finds it damaged later', async () => {
    const { modelsDir, run } = await cli();
    const { sha256 } = findCatalogueEntry('efficientnet-lite0') ?? {};
    expect(await run('fetch', 'efficientnet-lite0')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`sha256:${sha256 ?? ''}`) as string,
    });
    expect((await run('verify')).out).toBe(`ok   efficientnet-lite0  sha256:${sha256 ?? ''}`);
    await appendFile(join(modelsDir, 'efficientnet-lite0', 'model.onnx'), 'x');
    const { code, out } = await run('verify');
    expect(code).toBe(1);
    expect(out).toContain('model_hash_mismatch');
  });
});
