/**
 * What a command is made of: its flags, what else it takes, and its words. Help, completion, hints and the table in
 * docs/client.md are all made of this, so that none of them knows a flag that another does not.
 */
import { choiceOf, parse, UsageError, type Parsed } from './arguments.js';
import type { Context } from './context.js';
import { formatFlags, serviceFlags, type Flag, type Flags } from './flags.js';
import { ResultFile } from './output/terminal.js';

/** What a command takes beside its flags. */
export interface Operands {
  /** As the first line of the help has them. */
  readonly usage: string;
  /** Said where there are none; absent where it needs none. */
  readonly missing?: string;
  /** For completion, and the words also for the check. */
  readonly complete: readonly string[] | 'file' | 'commands' | 'none';
}

export interface Command {
  readonly summary: string;
  /** What it does, below the first line of the help. */
  readonly about: string;
  readonly flags: Flags;
  /** Absent: flags only. */
  readonly operands?: Operands;
  /** Below the flags, where there is more to say. */
  readonly notes?: string;
  /** How it ends well, and how with 1; absent where it fails only as every command does. */
  readonly ends?: string;
  readonly examples?: readonly string[];
  /**
   * Absent where a word after it says which: see `subcommands`. Resolves to the exit code. Throws UsageError,
   * QuintetError, or the signal's reason.
   */
  readonly run?: (args: readonly string[], context: Context) => Promise<number>;
  readonly subcommands?: Readonly<Record<string, Command>>;
}

/** A command with its own types: `run` is given what its flags say. */
export interface CommandOf<T extends Flags> extends Omit<Command, 'run' | 'subcommands'> {
  readonly flags: T;
  readonly run: (parsed: Parsed<T>, context: Context) => Promise<number>;
}

/**
 * The command with its command line parsed and checked before it runs. `name` is how it is called, as `models` or
 * `webhook listen`.
 */
export function command<const T extends Flags>(name: string, { run, ...parts }: CommandOf<T>): Command {
  const { flags, operands } = parts;
  return {
    ...parts,
    run: async (args, context) => {
      const parsed: Parsed<T> = parse(args, flags);
      const { positionals } = parsed;
      if (operands === undefined && positionals.length > 0) {
        throw new UsageError(`quintet ${name} takes options only, and "${positionals[0] ?? ''}" is none`);
      }
      if (operands?.missing !== undefined && positionals.length === 0) throw new UsageError(operands.missing);
      if (Array.isArray(operands?.complete)) {
        const choices = operands.complete as readonly string[];
        for (const each of positionals) choiceOf(`quintet ${name}`, each, choices);
      }
      const { output } = parsed.values as { readonly output?: string };
      if (output !== undefined) {
        const file = await ResultFile.open(output);
        context.terminal.printTo(file);
        context.atEnd(() => file.close());
      }
      return run(parsed, context);
    },
  };
}

export const commonEnds = '2 the command line is wrong; 3 the service cannot be used; 130 interrupted';

/** What `quintet NAME --help` prints. */
export function helpOf(name: string, { about, flags, operands, notes, ends, examples, subcommands }: Command): string {
  if (subcommands !== undefined) {
    const list = Object.entries(subcommands).map(([each, { summary }]) => [each, summary] as const);
    return `quintet ${name} COMMAND [options]\n\n${about}\n\nCommands:\n${columns(list)}\nquintet ${name} COMMAND --help says more of each.\n`;
  }
  const isIn =
    (group: Flags) =>
    ([flag]: readonly [string, Flag]) =>
      Object.hasOwn(group, flag);
  const all = Object.entries(flags);
  const ofService = all.filter(isIn(serviceFlags));
  const ofOutput = all.filter(isIn(formatFlags));
  const own = all.filter((flag) => !isIn(serviceFlags)(flag) && !isIn(formatFlags)(flag));
  const width = Math.max(...all.map(([flag, each]) => written(flag, each).length));
  const section = (title: string, some: readonly (readonly [string, Flag])[]): string =>
    some.length === 0
      ? ''
      : `\n${title}${columns(
          some.map(([flag, each]) => [written(flag, each), each.help] as const),
          width,
        )}`;
  const usage = operands === undefined ? '' : ` ${operands.usage}`;
  return [
    `quintet ${name}${usage} [options]\n\n${about}\n`,
    section('', own),
    section('Output:\n', ofOutput),
    section('The service:\n', ofService),
    notes === undefined ? '' : `\n${notes}\n`,
    ends === undefined ? '' : `\nExit codes: ${ends}; ${commonEnds}.\n`,
    examples === undefined ? '' : `\nExamples:\n${examples.map((line) => `  ${line}\n`).join('')}`,
  ].join('');
}

/** A flag as the help has it: `-m, --model NAME`. */
export function written(name: string, { short, value }: Flag): string {
  const letter = short === undefined ? '    ' : `-${short}, `;
  return `${letter}--${name}${value === undefined ? '' : ` ${value}`}`;
}

/** Lines of two columns. */
export function columns(rows: readonly (readonly [string, string])[], least = 0): string {
  const width = rows.reduce((most, [first]) => Math.max(most, first.length), least);
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}\n`).join('');
}
