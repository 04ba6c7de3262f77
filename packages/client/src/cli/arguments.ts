/** Command lines, as node:util's parseArgs reads them, with values checked. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

/** The command line is wrong; said with a hint at `--help`. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** What every command that talks to the service takes. */
export const serviceOptions = {
  url: { type: 'string' },
  key: { type: 'string' },
  'retry-for': { type: 'string' },
} as const satisfies Options;

export const formatOptions = {
  table: { type: 'boolean' },
  json: { type: 'boolean' },
  ndjson: { type: 'boolean' },
  csv: { type: 'boolean' },
} as const satisfies Options;

type Parsed<T extends Options> = ReturnType<
  typeof parseArgs<{ options: T; args: string[]; allowPositionals: true; strict: true }>
>;

/** Options, and what is neither an option nor its value. Throws UsageError. */
export function parse<const T extends Options>(args: readonly string[], options: T): Parsed<T> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // Node's hint at `--` is longer than the message.
    throw new UsageError(message.split('. To specify')[0] ?? message);
  }
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

export type Format = keyof typeof formatOptions;

/** The one format that is asked for; a table by default. Throws UsageError where there are several. */
export function formatOf(values: Readonly<Partial<Record<Format, boolean | undefined>>>): Format {
  const asked = (Object.keys(formatOptions) as Format[]).filter((format) => values[format] === true);
  if (asked.length > 1) throw new UsageError(`--${asked.join(' and --')} exclude each other`);
  return asked[0] ?? 'table';
}
