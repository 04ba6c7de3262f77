/** The scripts of `quintet completion`, in the shells that they are for. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const bin = fileURLToPath(new URL('../../packages/client/bin/quintet.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'quintet-completion-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const scripts = new Map<string, string>();

/** The path of the script for a shell, as the command prints it. */
function script(shell: string): string {
  const written = scripts.get(shell);
  if (written !== undefined) return written;
  const { stdout, status } = spawnSync(process.execPath, [bin, 'completion', shell], { encoding: 'utf8' });
  expect(status).toBe(0);
  const path = join(folder, `quintet.${shell}`);
  writeFileSync(path, stdout);
  scripts.set(shell, path);
  return path;
}

const isThere = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;
const [hasFish, hasZsh] = [isThere('fish'), isThere('zsh')];

/** What is typed, and the words that it may become. */
const lines: readonly (readonly [line: string, words: readonly string[]])[] = [
  ['', ['batch', 'classify', 'completion', 'help', 'jobs', 'models', 'status', 'wait', 'webhook']],
  ['cl', ['classify']],
  ['classify --re', ['--recursive', '--retry-for']],
  ['classify photo.jpg --js', ['--json']],
  ['jobs --status s', ['succeeded']],
  ['jobs -s f', ['failed']],
  ['webhook ', ['listen', 'verify']],
  ['webhook listen --p', ['--port']],
  ['completion ', ['bash', 'fish', 'zsh']],
  ['help web', ['webhook']],
];

describe('bash', () => {
  /** As bash calls the function: with the words of the line, and the place of the last one. */
  function complete(words: readonly string[], cwd = folder): string[] {
    const path = script('bash');
    const code = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _quintet; printf '%s\\n' "\${COMPREPLY[@]}"; complete -p quintet`;
    const { stdout, stderr } = spawnSync('bash', ['-uc', code, 'bash', path, 'quintet', ...words], {
      cwd,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    const replies = stdout.trimEnd().split('\n');
    expect(replies.pop()).toBe('complete -F _quintet quintet');
    return replies.filter((each) => each !== '').sort();
  }

  it.each(lines)('quintet %s', (line, words) => {
    expect(complete(line.split(' '))).toEqual(words);
  });

  it('completes files, folders where only they will do, and nothing where nobody knows', () => {
    for (const name of ['a b.jpg', 'a*.jpg']) writeFileSync(join(folder, name), '');
    const inside = mkdtempSync(join(folder, 'a-folder-'));
    expect(complete(['classify', 'a'])).toEqual([inside.slice(folder.length + 1), 'a b.jpg', 'a*.jpg'].sort());
    expect(complete(['classify', '--explain', 'a'])).toEqual([inside.slice(folder.length + 1)]);
    expect(complete(['classify', '--model', 'a'])).toEqual([]);
    expect(complete(['wait', ''])).toEqual([]);
    // bash makes words of their own of what is around an equals sign.
    expect(complete(['jobs', '--status', '=', 'q'])).toEqual(['queued']);
    expect(complete(['jobs', '--status', '='])).toHaveLength(6);
  });
});

// Where they are installed: few machines have them, and bash is tested everywhere.
if (hasFish) {
  it.each(lines)('fish: quintet %s', (line, words) => {
    const code = 'source $argv[1]; complete -C $argv[2]';
    const { stdout } = spawnSync('fish', ['--no-config', '-c', code, script('fish'), `quintet ${line}`], {
      encoding: 'utf8',
    });
    const replies = stdout.trimEnd().split('\n');
    expect(replies.map((each) => each.split('\t')[0]).sort()).toEqual(words);
  });
}
if (hasZsh) {
  it('zsh reads it, as a file of its functions and as a source', () => {
    const path = script('zsh');
    const code =
      'autoload -Uz compinit; compinit -u -D; source $1; print $_comps[quintet] $+functions[_quintet_webhook_listen]';
    const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', code, 'zsh', path], { encoding: 'utf8' });
    expect([stdout.trim(), stderr]).toEqual(['_quintet 1', '']);
  });
}
