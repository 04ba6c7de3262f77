/** `quintet completion`: a script that completes command lines, for a shell. */
import { command } from '../command.js';
import { bashCompletion } from '../completion/bash.js';
import { fishCompletion } from '../completion/fish.js';
import type { Commands } from '../completion/tree.js';
import { zshCompletion } from '../completion/zsh.js';
import { UsageError } from '../arguments.js';
import { exitCodes } from '../exit-codes.js';
import type { Command } from '../flags.js';

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };
type Shell = keyof typeof shells;

/** `commands`: all there are, this one among them. */
export function completionOf(commands: () => Commands): Command {
  return command('completion', {
    summary: 'print a script that completes command lines in bash, zsh or fish',
    about: 'Prints a script for a shell, which then completes commands, flags, their values and files after quintet.',
    flags: {},
    operands: {
      usage: Object.keys(shells).join('|'),
      missing: `name a shell: ${Object.keys(shells).join(', ')}`,
      complete: Object.keys(shells),
    },
    examples: [
      'source <(quintet completion bash)            # in ~/.bashrc',
      'source <(quintet completion zsh)             # in ~/.zshrc, after compinit',
      'quintet completion fish > ~/.config/fish/completions/quintet.fish',
    ],
    run: async ({ positionals }, { terminal }) => {
      const [shell, more] = positionals as Shell[];
      if (shell === undefined || more !== undefined) throw new UsageError('name one shell');
      await terminal.print(shells[shell](commands()));
      return exitCodes.ok;
    },
  });
}
