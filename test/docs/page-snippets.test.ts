/** What the page offers as "from code" does what the page did: each snippet is run as a reader runs it, against the service. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createApiKey } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SnippetRequest } from '../../packages/web/src/parts/snippets/request.js';
import { snippetLanguages } from '../../packages/web/src/parts/snippets/snippets.js';
import { send, startPictureServer, type PictureServer } from '../support/picture-server.js';
import { startStack, type Stack } from '../support/stack.js';
import { hasShared, shared, testModel } from '../support/test-model.js';

const quintet = fileURLToPath(new URL('../../packages/client/bin/quintet.mjs', import.meta.url));
const installed = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

/** How a reader runs each; `quintet` is a command of the shell there. */
const programs: Readonly<Record<string, { file: string; command: readonly string[]; isThere: boolean }>> = {
  curl: { file: 'classify.sh', command: ['sh', 'classify.sh'], isThere: installed('curl') },
  javascript: { file: 'classify.mjs', command: [process.execPath, 'classify.mjs'], isThere: true },
  python: { file: 'classify.py', command: ['python3', 'classify.py'], isThere: installed('python3') },
  quintet: { file: 'quintet.sh', command: ['sh', 'quintet.sh'], isThere: existsSync(quintet) },
};
const cases = snippetLanguages.map((language) => {
  const program = programs[language.id];
  if (program === undefined) throw new Error(`nobody knows how to run ${language.id}`);
  return { ...language, ...program };
});

/** A name that every language and both shells could take for something else. */
const nasty = `-it's "a" $(cat); 50%, \\n é !!.jpg`;
const { key, entry } = createApiKey('reader', ['submit', 'read']);

interface Ran {
  readonly code: number;
  readonly output: string;
}

describe.skipIf(!hasShared)('the snippets of the page', () => {
  let stack: Stack;
  let folder: string;
  let pictures: PictureServer;
  let address: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quintet-page-snippets-'));
    const photo = await readFile(join(shared, 'images', 'n02279972_monarch.JPEG'));
    await writeFile(join(folder, nasty), photo);
    [stack, pictures] = await Promise.all([
      startStack({ env: { API_KEYS: JSON.stringify([entry]) } }),
      startPictureServer(),
    ]);
    address = pictures.at(send(photo));
  });
  afterAll(async () => {
    await Promise.all([stack.stop(), pictures.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  /** Runs a snippet as the program that it is, in the folder with the picture. */
  async function runSnippet(
    each: (typeof cases)[number],
    picture: SnippetRequest['picture'],
    apiKey = key,
  ): Promise<Ran> {
    const options = { model: testModel, top_k: 2, min_score: 0 };
    const code = each.write({ baseUrl: stack.url, picture, options, needsKey: true });
    // Whoever has installed it has a command of that name.
    const command = `quintet() { '${process.execPath}' '${quintet}' "$@"; }\n`;
    await writeFile(join(folder, each.file), each.id === 'quintet' ? command + code : code);
    const [program = '', ...args] = each.command;
    const env = { PATH: process.env['PATH'], HOME: folder, QUINTET_API_KEY: apiKey };
    return new Promise((resolve) => {
      execFile(program, args, { cwd: folder, env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : 1, output: stdout + stderr });
      });
    });
  }

  describe.each(cases)('$title', (each) => {
    it.skipIf(!each.isThere)('classifies the file, whatever its name, with the options', async () => {
      const { code, output } = await runSnippet(each, { name: nasty });
      expect(output).toMatch(/monarch.*ringlet/s);
      expect(output).not.toContain('sulphur butterfly');
      expect(code).toBe(0);
    });

    it.skipIf(!each.isThere)('classifies what is at an address', async () => {
      const { code, output } = await runSnippet(each, { url: address });
      expect(output).toMatch(/monarch.*ringlet/s);
      expect(code).toBe(0);
    });

    it.skipIf(!each.isThere)('says why where it is refused, and fails', async () => {
      const { code, output } = await runSnippet(each, { name: nasty }, 'qk_nobody');
      expect(output).toMatch(/key/i);
      expect(code).toBe(1);
    });
  });
});
