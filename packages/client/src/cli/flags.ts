/** Flags, and those that commands have in common. */

export interface Flag {
  /** A switch, or one with a value. */
  readonly type: 'boolean' | 'string';
  readonly short?: string;
  /** What its value is called in the help. */
  readonly value?: string;
  /** The values there are, or what they are of: for completion, and the former for the check too. */
  readonly takes?: readonly string[] | 'file' | 'folder';
  readonly help: string;
}
export type Flags = Readonly<Record<string, Flag>>;

/** What every command that talks to the service takes. */
export const serviceFlags = {
  url: { type: 'string', short: 'u', value: 'URL', help: 'where it is (QUINTET_URL, http://localhost:3000)' },
  key: { type: 'string', short: 'k', value: 'KEY', help: 'an API key (QUINTET_API_KEY)' },
  'retry-for': {
    type: 'string',
    value: 'SECONDS',
    help: 'how long a request that fails is tried again (300; the first one not at all)',
  },
} as const satisfies Flags;

/** Of a command that prints rows. */
export const rowFlags = {
  table: { type: 'boolean', short: 't', help: 'for people; the default on a terminal' },
  tsv: { type: 'boolean', help: 'a line for each row, with tabs between; the default into a pipe or a file' },
  json: { type: 'boolean', short: 'j', help: 'one document' },
  output: {
    type: 'string',
    short: 'o',
    value: 'FILE',
    takes: 'file',
    help: 'write there; .tsv, .json, .csv and .ndjson choose the format where nothing else does',
  },
} as const satisfies Flags;

/** Of a command that prints many results. */
export const formatFlags = {
  ...rowFlags,
  csv: { type: 'boolean', help: "for spreadsheets, with the columns of the service's own for batches" },
  ndjson: { type: 'boolean', help: 'a JSON document a line, as they come' },
} as const satisfies Flags;

export const formats = [
  'table',
  'tsv',
  'json',
  'csv',
  'ndjson',
] as const satisfies readonly (keyof typeof formatFlags)[];
export type Format = (typeof formats)[number];
/** Those of `rowFlags`. */
export const rowFormats = ['table', 'tsv', 'json'] as const satisfies readonly Format[];

/** Of the pictures that are sent. */
export const pictureFlags = {
  top: { type: 'string', short: 'n', value: 'N', help: 'labels of each picture (5; 1 in a table)' },
  'min-score': { type: 'string', value: 'SHARE', help: 'no labels below that, from 0 to 1' },
  model: { type: 'string', short: 'm', value: 'NAME', help: "another than the service's default" },
  recursive: { type: 'boolean', short: 'r', help: 'folders within folders too' },
} as const satisfies Flags;
