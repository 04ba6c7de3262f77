/** Every example of docs/client.md, run as it stands: the commands, and the programs with the library. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Quintet } from '@quintet/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { picture, pictures } from '../support/pictures.js';
import { eventually } from '../support/service-process.js';
import { startStack, stackWebhookSecret, type Stack } from '../support/stack.js';
import { makeCheckout, patternOf, runExamples, sectionsOf } from './console-examples.js';

const page = readFileSync(new URL('../../docs/client.md', import.meta.url), 'utf8');
const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));

describe('docs/client.md', () => {
  let stack: Stack;
  let folder: string;

  beforeAll(async () => {
    folder = await makeCheckout();
    stack = await startStack();
  });
  afterAll(async () => {
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(sectionsOf('docs/client.md'))('$title', async ({ title, examples }) => {
    // What the page shows is of the seconds that are over, in which a picture was classified.
    if (title === 'See how it is doing') {
      const client = new Quintet({ url: stack.url });
      await client.classify(picture('balloon'));
      await eventually(async () => {
        expect((await client.operations()).latency_ms.inference).toBeDefined();
      });
    }
    const env = { PATH: `${join(modules, '.bin')}:${process.env['PATH'] ?? ''}`, QUINTET_URL: stack.url };
    const outputs = await runExamples(examples, { folder, env, replace: (command) => command });
    examples.forEach(({ command, output }, index) => {
      expect(outputs[index]?.replaceAll(/\s+/g, ''), command).toMatch(patternOf(output));
    });
  });

  /** Runs the program `name` of the page, as a reader would. */
  async function program(name: string): Promise<{ readonly child: ChildProcess; readonly output: () => string }> {
    const code = page.split(`<!-- snippet: ${name} -->`)[1]?.split(/^```\w*$/m)[1];
    if (code === undefined) throw new Error(`the page has no snippet ${name}`);
    await writeFile(join(folder, name), code);
    const env = { PATH: process.env['PATH'], QUINTET_URL: stack.url, WEBHOOK_SECRET: stackWebhookSecret };
    const child = spawn(process.execPath, [name], { cwd: folder, env });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    return { child, output: () => text };
  }

  it('classifies with the library', async () => {
    const one = await program('classify.mjs');
    const many = await program('many.mjs');
    await Promise.all([once(one.child, 'close'), once(many.child, 'close')]);
    expect(one.output()).toBe('umbrella\nimage_format_unsupported 415 false\n');
    const lines = many.output().trimEnd().split('\n');
    for (const { file, label } of pictures)
      expect(lines).toContainEqual(label === null ? expect.stringMatching(file) : `${file} ${label}`);
    expect(lines.slice(-2)).toEqual(['succeeded', 'n02692877']);
  });

  it('receives a webhook with the library', async () => {
    const { child, output } = await program('receive.mjs');
    try {
      const port = await eventually(() => {
        const found = /^\d+/.exec(output())?.[0];
        if (found === undefined) throw new Error(`it does not listen: ${output()}`);
        return found;
      });
      await new Quintet({ url: stack.url }).submit(picture('balloon'), { webhook_url: `http://127.0.0.1:${port}/` });
      await eventually(() => {
        expect(output()).toBe(`${port}\njob.succeeded\n`);
      });
    } finally {
      child.kill();
    }
  });
});
