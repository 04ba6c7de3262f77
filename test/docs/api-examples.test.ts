/** Every example of docs/api.md and docs/clients.md, run as it stands against the real services. */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStack, type Stack } from '../support/stack.js';
import { hasShared, shared } from '../support/test-model.js';
import { patternOf, runExamples, sectionsOf } from './console-examples.js';

/** What the reader of the page needs, too. */
const hasTools = ['curl', 'jq'].every((tool) => spawnSync(tool, ['--version']).status === 0);

// The pages name what MobileNetV2 says of these photos.
const photos = {
  'photo.jpg': 'n02279972_monarch.JPEG',
  'piano.jpg': 'n03452741_grand_piano.JPEG',
  'pizza.jpg': 'n07873807_pizza.JPEG',
};

const pages = ['api.md', 'clients.md'];
const sections = pages.flatMap((page) => sectionsOf(page).map((section) => ({ page, ...section })));

describe.skipIf(!hasShared || !hasTools)('examples of the API', () => {
  let stack: Stack;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quintet-examples-'));
    for (const [name, file] of Object.entries(photos)) await copyFile(join(shared, 'images', file), join(folder, name));
    stack = await startStack({ env: { RESULT_CACHE_TTL_SECONDS: '3600' } });
  });

  afterAll(async () => {
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(sections)('$page, $title', async ({ examples }) => {
    const outputs = await runExamples(examples, folder, (command) =>
      command.replaceAll('http://localhost:3000', stack.url),
    );
    examples.forEach(({ command, output }, index) => {
      expect(outputs[index]?.replaceAll(/\s+/g, ''), command).toMatch(patternOf(output));
    });
  });
});
