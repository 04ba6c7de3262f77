/** docs/tutorial.md, from its second step to its end, as a reader types it: the commands, and the receiver in a terminal of its own. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/redis-server.js';
import { eventually } from '../support/service-process.js';
import { startStack, stackWebhookSecret, type Stack } from '../support/stack.js';
import { patternOf, runExamples, sectionsOf, type Example, type Shell } from './console-examples.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/tutorial.md'), 'utf8');
const hasCurl = spawnSync('curl', ['--version']).status === 0;

/** A command that goes on until Ctrl-C, for which the page asks for a terminal of its own. */
const goesOn = ({ command }: Example): boolean => command.includes('node receiver.mjs');

describe.skipIf(!hasCurl)('docs/tutorial.md', () => {
  let stack: Stack;
  let folder: string;
  let shell: Shell;
  let port: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quintet-tutorial-'));
    for (const name of ['examples', 'node_modules']) await symlink(join(root, name), join(folder, name));
    await mkdir(join(folder, '.quintet'));
    await writeFile(join(folder, '.quintet/webhook-secret'), stackWebhookSecret);
    port = await freePort();
    // npm start, which the page begins with, is test/e2e/start.test.ts.
    stack = await startStack();
    shell = {
      folder,
      env: {
        PATH: [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
        QUINTET_URL: stack.url,
      },
      replace: (command) =>
        command
          .replaceAll('http://localhost:3000', stack.url)
          .replaceAll('localhost:4000', `127.0.0.1:${port}`)
          .replaceAll('npx quintet', 'quintet'),
    };
  });
  afterAll(async () => {
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function expectOutputs(examples: readonly Example[]): Promise<void> {
    const outputs = await runExamples(examples, shell);
    examples.forEach(({ command, output }, index) => {
      expect(outputs[index]?.replaceAll(/\s+/g, ''), command).toMatch(patternOf(output));
    });
  }

  /** Runs what goes on in a terminal of its own, and the rest while it runs; its output is complete some time after theirs. */
  async function expectReceived(receiver: Example, others: readonly Example[]): Promise<void> {
    const terminal = spawn('bash', ['-c', `exec 2>&1; ${receiver.command}`], {
      ...{ cwd: folder, env: { ...process.env, ...shell.env }, stdio: ['ignore', 'pipe', 'inherit'], detached: true },
    });
    let output = '';
    terminal.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = once(terminal, 'exit');
    try {
      await eventually(async () => {
        const socket = connect(port, '127.0.0.1');
        await once(socket, 'connect');
        socket.destroy();
      });
      const lines = receiver.output.trim().split('\n');
      expect(others).toHaveLength(lines.length);
      for (const [index, example] of others.entries()) {
        await expectOutputs([example]);
        const expected = patternOf(lines.slice(0, index + 1).join('\n'));
        await eventually(() => {
          expect(output.replaceAll(/\s+/g, '')).toMatch(expected);
        });
      }
    } finally {
      // The shell and what it runs: they are a group.
      if (terminal.pid !== undefined) process.kill(-terminal.pid, 'SIGKILL');
      await ended;
    }
  }

  it.each(sectionsOf('docs/tutorial.md'))('$title', async ({ examples }) => {
    const receiver = examples.find(goesOn);
    if (receiver === undefined) {
      await expectOutputs(examples);
      return;
    }
    const code = page.split('<!-- snippet: receiver.mjs -->')[1]?.split(/^```\w*$/m)[1] ?? '';
    expect(code).toContain('.listen(4000)');
    await writeFile(join(folder, 'receiver.mjs'), code.replace('listen(4000)', `listen(${port}, '127.0.0.1')`));
    await expectReceived(
      receiver,
      examples.filter((example) => example !== receiver),
    );
  });
});
