/** The commands as completion sees them: each by the words that name it, with the words and values that may follow. */
import type { Command, Flag, Flags, Operands } from '../flags.js';

export type Commands = Readonly<Record<string, Command>>;

/** A command, or the beginning of one: the root has no words. */
export interface Node {
  /** As in `webhook listen`. */
  readonly words: readonly string[];
  readonly summary: string;
  /** The words that go on to another. */
  readonly commands: Commands;
  readonly flags: Flags;
  readonly operands: Operands['complete'];
}

const helpFlag: Flags = { help: { type: 'boolean', short: 'h', help: 'say what there is' } };
const rootFlags: Flags = { ...helpFlag, version: { type: 'boolean', short: 'v', help: 'say which version this is' } };

/** The root, and every command below it. */
export function nodesOf(commands: Commands): readonly Node[] {
  const below = (some: Commands, before: readonly string[]): Node[] =>
    Object.entries(some).flatMap(([name, { summary, flags, operands, subcommands = {} }]) => {
      const words = [...before, name];
      const complete = operands?.complete ?? 'none';
      const node = { words, summary, commands: subcommands, flags: { ...flags, ...helpFlag }, operands: complete };
      return [node, ...below(subcommands, words)];
    });
  const root = { words: [], summary: '', commands, flags: rootFlags, operands: 'none' as const };
  return [root, ...below(commands, [])];
}

/** `-m`, `--model`. */
export function spellings([name, { short }]: readonly [string, Flag]): readonly string[] {
  return [...(short === undefined ? [] : [`-${short}`]), `--${name}`];
}

/** Of all shells: between single quotes nothing has a meaning. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
