/** @quintet/client as others install it: packed, in an empty project, without a network. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const packed = z.array(z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) })).length(1);

let folder: string;
let files: string[];
let tarball: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quintet-package-'));
  const packing = ['pack', '--workspace', 'packages/client', '--pack-destination', folder, '--json'];
  const [made] = packed.parse(JSON.parse((await run('npm', packing, { cwd: root })).stdout));
  files = made?.files.map(({ path }) => path) ?? [];
  tarball = join(folder, made?.filename ?? '');
  await writeFile(join(folder, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }');
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: folder });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the packed client', () => {
  it('has what it needs, its licence and its page, and no test', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'README.md',
        'bin/quintet.mjs',
        'dist/index.js',
        'dist/index.d.ts',
        'package.json',
      ]),
    );
    // A test's program that was compiled into dist before it was kept out is no part of what the compiler makes.
    expect(files.filter((path) => path.startsWith('src/') && /\.test(-support)?\./.test(path))).toEqual([]);
    expect(files.filter((path) => path.endsWith('.tsbuildinfo'))).toEqual([]);
  });

  it('needs no other package', async () => {
    const manifest: unknown = JSON.parse(
      await readFile(join(folder, 'node_modules/@quintet/client/package.json'), 'utf8'),
    );
    expect(manifest).not.toHaveProperty('dependencies');
    expect(manifest).not.toHaveProperty('private');
  });

  it('is a command, by the name that nobody else can take', async () => {
    const { version } = z
      .object({ version: z.string() })
      .parse(JSON.parse(await readFile(join(root, 'packages/client/package.json'), 'utf8')));
    const npx = await run('npx', ['--offline', '@quintet/client', '--version'], { cwd: folder });
    expect(npx.stdout.trim()).toBe(version);
  });

  it('is a library, with types', async () => {
    const program = join(folder, 'program.ts');
    await writeFile(
      program,
      `import { Quintet, QuintetError, type Job } from '@quintet/client';
       import { readImage } from '@quintet/client/node';
       const quintet = new Quintet({ url: 'http://127.0.0.1:1', retrySeconds: 0 });
       const first = (job: Job): string | undefined => job.predictions?.[0]?.label;
       try {
         console.log(first(await quintet.classify(await readImage('package.json'))));
       } catch (error) {
         console.log(error instanceof QuintetError ? error.code : error);
       }`,
    );
    await symlink(join(root, 'node_modules/@types'), join(folder, 'node_modules/@types'));
    const compiled = ts.createProgram([program], {
      ...{ module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2023, strict: true, types: ['node'] },
      ...{ outDir: folder, typeRoots: [join(folder, 'node_modules/@types')] },
    });
    const complaints = [...ts.getPreEmitDiagnostics(compiled), ...compiled.emit().diagnostics];
    expect(complaints.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
    const { stdout } = await run(process.execPath, ['program.js'], { cwd: folder });
    expect(stdout.trim()).toBe('connection_failed');
  });
});

describe('what is compiled into dist', () => {
  const readConfig = (file: string): unknown => ts.readConfigFile(file, (path) => ts.sys.readFile(path)).config;
  const projects = readConfig(join(root, 'tsconfig.json')) as { references: { path: string }[] };

  it.each(projects.references.map(({ path }) => path))('is no test: %s', (path) => {
    const config = readConfig(join(root, path, 'tsconfig.json'));
    const { fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, join(root, path));
    expect(fileNames.length).toBeGreaterThan(0);
    expect(fileNames.filter((name) => /\.test(-support)?\.ts$/.test(name))).toEqual([]);
  });
});
