/** Command lines, as node:util's parseArgs reads them, with values checked. */
import { parseArgs } from 'node:util';
import { formats, type Flags, type Format } from './flags.js';

/** The command line is wrong; said with a hint at `--help`. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export type Parsed<T extends Flags> = ReturnType<
  typeof parseArgs<{ options: T; args: string[]; allowPositionals: true; strict: true }>
>;

/** Flags, and what is neither a flag nor its value. Throws UsageError. */
export function parse<const T extends Flags>(args: readonly string[], flags: T): Parsed<T> {
  const options = { args: [...args], options: flags, allowPositionals: true } as const;
  const { tokens } = parseArgs({ ...options, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind !== 'option' || Object.hasOwn(flags, token.name)) continue;
    const known = Object.keys(flags).map((name) => `--${name}`);
    throw new UsageError(`there is no option ${token.rawName}${suggest(token.rawName, known)}`);
  }
  let parsed: Parsed<T>;
  try {
    parsed = parseArgs({ ...options, strict: true });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // Node's hint at the form with `=` is longer than the message.
    throw new UsageError(message.split(/\.\s/)[0] ?? message);
  }
  for (const [name, { takes }] of Object.entries(flags)) {
    const value = (parsed.values as Readonly<Record<string, unknown>>)[name];
    if (Array.isArray(takes) && typeof value === 'string') choiceOf(`--${name}`, value, takes as readonly string[]);
  }
  return parsed;
}

/** One of `choices`, which `name` takes. Throws UsageError. */
export function choiceOf(name: string, value: string, choices: readonly string[]): string {
  if (choices.includes(value)) return value;
  throw new UsageError(`${name} takes ${listed(choices)}, not "${value}"${suggest(value, choices)}`);
}

/** `a, b or c`. */
function listed(words: readonly string[]): string {
  return words.join(', ').replace(/, ([^,]*)$/, ' or $1');
}

/** The number of an option, within bounds. Throws UsageError. */
export function numberOf(
  name: string,
  text: string | undefined,
  { least, most, whole = true }: { readonly least: number; readonly most: number; readonly whole?: boolean },
): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? NaN : Number(text);
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  throw new UsageError(`--${name} takes a ${whole ? 'whole ' : ''}number from ${least} to ${most}, not "${text}"`);
}

/** Where results go. */
interface Target {
  /** Of the terminal, where it is one. */
  readonly columns: number | undefined;
  /** Of the file, where it is one. */
  readonly path?: string | undefined;
}

/**
 * The one format that is asked for, else that of the file's ending; else a table, or into a pipe or a file TSV. `some`
 * are those that the command has. Throws UsageError where there are several, or where the ending is of one that it has
 * not.
 */
export function formatOf(
  values: Readonly<Partial<Record<Format, boolean | undefined>>>,
  { columns, path }: Target,
  some: readonly Format[] = formats,
): Format {
  const asked = formats.filter((format) => values[format] === true);
  if (asked.length > 1) throw new UsageError(`--${asked.join(' and --')} exclude each other`);
  const ending = /\.(\w+)$/.exec(path ?? '')?.[1]?.toLowerCase();
  const named = formats.find((format) => format !== 'table' && format === ending);
  if (named !== undefined && asked[0] === undefined && !some.includes(named)) {
    throw new UsageError(
      `there is no ${named} of this: give a file that ends otherwise, or one of --${some.join(', --')}`,
    );
  }
  return asked[0] ?? named ?? (columns === undefined ? 'tsv' : 'table');
}

/**
 * A hint for the end of a message, with `before` the word: `; did you mean quintet status?`; nothing where no word is
 * near.
 */
export function suggest(word: string, known: Iterable<string>, before = ''): string {
  const near = nearest(word, known);
  return near === undefined ? '' : `; did you mean ${before}${near}?`;
}

/**
 * The known word that is nearest, where it is near enough: a third of its letters may differ; or the only one that
 * begins so.
 */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const lower = word.toLowerCase();
  const words = [...known];
  const begun = words.filter((each) => lower.replace(/^-+/, '') !== '' && each.startsWith(lower));
  if (begun.length === 1) return begun[0];
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const each of words) {
    const distance = editDistance(lower, each);
    const most = Math.max(1, Math.floor(each.replace(/^-+/, '').length / 3));
    if (distance <= most && distance < (best?.distance ?? Infinity)) best = { word: each, distance };
  }
  return best?.word;
}

/**
 * How many letters have to be put in, left out, changed or swapped with their neighbour to make `b` of `a`: the optimal
 * string alignment distance (Boytsov, Indexing methods for approximate dictionary searching, 2011, section 2.2).
 */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j += 1) {
      const changed = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swaps = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, changed, swaps ? at(i - 2, j - 2) + 1 : Infinity));
    }
  }
  return at(a.length, b.length);
}
