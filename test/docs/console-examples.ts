/**
 * Examples of a page, as a reader types them: fences of the language `console`, in which a line that begins with `$ ` is a
 * command (`> ` continues it) and the lines after it are its output. `…` in an output stands for anything.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Example {
  readonly command: string;
  readonly output: string;
}

export interface Section {
  readonly title: string;
  /** One after another in one shell. */
  readonly examples: readonly Example[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A folder with what a reader has in the checkout, in which the examples can write files. */
export async function makeCheckout(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'quintet-examples-'));
  for (const name of ['README.md', 'examples', 'node_modules']) await symlink(join(root, name), join(folder, name));
  return folder;
}

/** The program, where it is installed: what pages need besides Node. */
export const isInstalled = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

/** The sections of a page that have examples, by headings of the second and third level; `page` from the root. */
export function sectionsOf(page: string): Section[] {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
  return text
    .split(/^###? /m)
    .slice(1)
    .map((section) => ({
      title: section.slice(0, section.indexOf('\n')),
      examples: [...section.matchAll(/^```console\n([^]*?)^```$/gm)].flatMap(([, fence = '']) => examplesOf(fence)),
    }))
    .filter(({ examples }) => examples.length > 0);
}

function examplesOf(fence: string): Example[] {
  return fence
    .split(/^\$ /m)
    .slice(1)
    .map((example) => {
      const lines = example.split('\n');
      const end = lines.findIndex((line, index) => index > 0 && !line.startsWith('> '));
      return {
        command: lines
          .slice(0, end)
          .map((line) => line.replace(/^> /, ''))
          .join('\n'),
        output: lines.slice(end).join('\n'),
      };
    });
}

export interface Shell {
  readonly folder: string;
  /** Over that of this process. */
  readonly env: Readonly<Record<string, string>>;
  /** From what the page says to where the service of the test is. */
  readonly replace: (command: string) => string;
}

/** Runs the commands in one bash; resolves to the output of each, stderr included. */
export async function runExamples(
  examples: readonly Pick<Example, 'command'>[],
  { folder, env, replace }: Shell,
): Promise<string[]> {
  const marker = '=== end of the example ===';
  const script = examples.map(({ command }) => `${replace(command)}\nprintf '\\n${marker}\\n'`).join('\n');
  const shell = spawn('bash', ['-c', script], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const collect = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  shell.stdout.on('data', collect);
  shell.stderr.on('data', collect);
  await once(shell, 'close');
  return text.split(`\n${marker}\n`).slice(0, examples.length);
}

/** `output` as it may really be: white space does not count, `…` is anything. */
export function patternOf(output: string): RegExp {
  const literal = (part: string): string =>
    part.replaceAll(/\s+/g, '').replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${output.split('…').map(literal).join('.*?')}$`, 's');
}
