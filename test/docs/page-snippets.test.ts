/** What the page offers as "from code" does what the page did: each snippet is run as a reader runs it, against the service. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createApiKey } from '@quintet/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { snippetLanguages, type SnippetRequest } from '../../packages/web/src/parts/snippets/snippets.js';
import { send, startPictureServer, type PictureServer } from '../support/picture-server.js';
import { picture } from '../support/pictures.js';
import { startStack, type Stack } from '../support/stack.js';
import { testModel } from '../support/test-model.js';
import { isInstalled } from './console-examples.js';

const quintet = fileURLToPath(new URL('../../packages/client/bin/quintet.mjs', import.meta.url));

/** How a reader runs each; `quintet` is a command of the shell there. */
const programs: Readonly<Record<string, { file: string; command: readonly string[]; isThere: boolean }>> = {
  curl: { file: 'classify.sh', command: ['sh', 'classify.sh'], isThere: isInstalled('curl') },
  javascript: { file: 'classify.mjs', command: [process.execPath, 'classify.mjs'], isThere: true },
  python: { file: 'classify.py', command: ['python3', 'classify.py'], isThere: isInstalled('python3') },
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

describe('the snippets of the page', () => {
  let stack: Stack;
  let folder: string;
  let pictures: PictureServer;
  let address: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quintet-page-snippets-'));
    await writeFile(join(folder, nasty), picture('wall clock'));
    [stack, pictures] = await Promise.all([
      startStack({ env: { API_KEYS: JSON.stringify([entry]) } }),
      startPictureServer(),
    ]);
    address = pictures.at(send(picture('wall clock')));
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

  // One test for each language: where its program is not installed, one is skipped.
  for (const each of cases) {
    it.skipIf(!each.isThere)(`in ${each.title}`, async () => {
      const ofFile = await runSnippet(each, { name: nasty });
      expect(ofFile.output, 'the file, whatever its name, with the options').toMatch(/wall clock.*analog clock/s);
      expect(ofFile.output).not.toContain('stopwatch');
      expect(ofFile.code).toBe(0);
      const atAddress = await runSnippet(each, { url: address });
      expect(atAddress.output, 'what is at an address').toMatch(/wall clock.*analog clock/s);
      expect(atAddress.code).toBe(0);
      const refused = await runSnippet(each, { name: nasty }, 'qk_nobody');
      expect(refused.output, 'why where it is refused').toMatch(/key/i);
      expect(refused.code).toBe(1);
    });
  }
});
