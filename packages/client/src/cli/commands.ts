/** The commands by name, and what `quintet --help` says of them. */
import { suggest, UsageError } from './arguments.js';
import { columns, command, commonEnds, helpOf, type Command } from './command.js';
import { batch } from './commands/batch.js';
import { classify } from './commands/classify.js';
import { jobs } from './commands/jobs.js';
import { models } from './commands/models.js';
import { status } from './commands/status.js';
import { wait } from './commands/wait.js';
import { webhook } from './commands/webhook.js';
import { completions } from './completion.js';
import { exitCodes } from './failures.js';

const shells = Object.keys(completions) as (keyof typeof completions)[];

const completion = command('completion', {
  summary: 'print a script that completes command lines in bash, zsh or fish',
  about: 'Prints a script for a shell, which then completes commands, flags, their values and files after quintet.',
  flags: {},
  operands: { usage: shells.join('|'), missing: `name a shell: ${shells.join(', ')}`, complete: shells },
  examples: [
    'source <(quintet completion bash)            # in ~/.bashrc',
    'source <(quintet completion zsh)             # in ~/.zshrc, after compinit',
    'quintet completion fish > ~/.config/fish/completions/quintet.fish',
  ],
  run: async ({ positionals: [name, more] }, { terminal }) => {
    const shell = shells.find((each) => each === name);
    if (shell === undefined || more !== undefined) throw new UsageError('name one shell');
    await terminal.print(completions[shell](commands));
    return exitCodes.ok;
  },
});

const help = command('help', {
  summary: 'say more of a command',
  about: 'Prints what a command takes, as quintet COMMAND --help does.',
  flags: {},
  operands: { usage: '[COMMAND]', complete: 'commands' },
  run: async ({ positionals }, { terminal }) => {
    await terminal.print(positionals.length === 0 ? overview() : helpFor(find(positionals)));
    return exitCodes.ok;
  },
});

export const commands: Readonly<Record<string, Command>> = {
  classify,
  batch,
  jobs,
  wait,
  status,
  models,
  webhook,
  completion,
  help,
};

/** A command, the words that name it, and the arguments behind them. */
export interface Found {
  readonly name: string;
  readonly command: Command;
  readonly rest: readonly string[];
}

/** Throws UsageError where the first words name none. */
export function find(words: readonly string[]): Found {
  const [first = '', ...rest] = words;
  const command = own(commands, first);
  if (command === undefined)
    throw new UsageError(`there is no command "${first}"${suggest(first, Object.keys(commands), 'quintet ')}`);
  const { subcommands } = command;
  const [second, ...others] = rest;
  if (subcommands === undefined || second === undefined || second.startsWith('-'))
    return { name: first, command, rest };
  const found = own(subcommands, second);
  if (found !== undefined) return { name: `${first} ${second}`, command: found, rest: others };
  throw new UsageError(
    `there is no command "${first} ${second}"${suggest(second, Object.keys(subcommands), `quintet ${first} `)}`,
  );
}

/** An object has `constructor` and others, which are no commands. */
function own(some: Readonly<Record<string, Command>>, name: string): Command | undefined {
  return Object.hasOwn(some, name) ? some[name] : undefined;
}

export function helpFor({ name, command: found }: Found): string {
  return helpOf(name, found);
}

export function overview(): string {
  const list = Object.entries(commands).map(([name, { summary }]) => [name, summary] as const);
  return `quintet: what is in this picture?

  quintet classify photo.jpg
  quintet classify photos/ --csv > labels.csv

Commands:
${columns(list)}
quintet COMMAND --help says more of each. QUINTET_URL and QUINTET_API_KEY say which service and with which
key, as --url and --key do; without them it is http://localhost:3000, without a key.

Exit codes: 0 all is well; 1 some pictures failed; ${commonEnds}.
`;
}
