/** Lists in the format that was asked for, row by row: nothing is kept. */
import { csvCells, csvColumns, csvLine, type QuintetError, type Result } from '../../index.js';
import { jobFailure } from '../failures.js';
import type { Format } from '../flags.js';
import { printable, printableJson, tsv } from './printable.js';
import { TableWriter } from './table.js';
import type { Terminal } from './terminal.js';

export interface Writer<Item> {
  write(item: Item): Promise<void>;
  /** Once, also after an interruption: JSON is to be whole. */
  end(): Promise<void>;
}

/** What a list is in each format. */
export interface Layout<Item> {
  /** `none`: printed where there are no items. */
  readonly table: { readonly header: string; readonly row: (item: Item) => string; readonly none?: string };
  readonly tsv: { readonly columns: readonly string[]; readonly rows: (item: Item) => readonly (readonly string[])[] };
  readonly csv: { readonly columns: readonly string[]; readonly row: (item: Item) => readonly string[] };
  readonly json: (item: Item) => unknown;
}

/** Texts before the first row, of each row, between two and after the last; and all of it where there are no rows. */
interface Pieces<Item> {
  readonly first?: string;
  readonly row: (item: Item) => string;
  readonly between?: string;
  readonly last?: string;
  readonly none?: string;
}

export function createWriter<Item>(terminal: Terminal, format: Format, layout: Layout<Item>): Writer<Item> {
  const {
    first = '',
    row,
    between = '',
    last = '',
    none = '',
  } = piecesOf(format, layout, terminal.columns !== undefined);
  const print = (text: string): Promise<void> => (text === '' ? Promise.resolve() : terminal.print(text));
  let rows = 0;
  return {
    write: (item) => print((rows++ === 0 ? first : between) + row(item)),
    end: () => print(rows === 0 ? none : last),
  };
}

/** `shown`: on a terminal, which must not be given control characters. */
function piecesOf<Item>(format: Format, { table, json, ...layout }: Layout<Item>, shown: boolean): Pieces<Item> {
  switch (format) {
    case 'table':
      return { first: table.header, ...table };
    case 'tsv': {
      const header = tsv([layout.tsv.columns], shown);
      return { first: header, row: (item) => tsv(layout.tsv.rows(item), shown), none: header };
    }
    case 'csv': {
      const header = csvLine(layout.csv.columns);
      const line = (cells: readonly string[]): string => csvLine(shown ? cells.map(printable) : cells);
      return { first: header, row: (item) => line(layout.csv.row(item)), none: header };
    }
    case 'ndjson':
      return { row: (item) => `${printableJson(json(item))}\n` };
    case 'json':
      return { first: '[\n', row: (item) => printableJson(json(item)), between: ',\n', last: '\n]\n', none: '[]\n' };
  }
}

/** What came of a picture. */
export interface Row extends Result {
  readonly error?: QuintetError | undefined;
}

/** How many labels of each picture are shown where nobody says. */
export function labelsOf(format: Format): number {
  return format === 'table' || format === 'tsv' ? 1 : 5;
}

export interface RowWriterOptions {
  readonly terminal: Terminal;
  readonly format: Format;
  /** Labels of each picture. */
  readonly top: number;
  /** Some of the names to come, for the width of their column. */
  readonly names: readonly string[];
}

/** Of pictures. */
export function createRowWriter({ terminal, format, top, names }: RowWriterOptions): Writer<Row> {
  const table = new TableWriter(names, terminal.colours, terminal.columns);
  return createWriter<Row>(terminal, format, {
    table: { header: table.header(), row: (row) => table.row(row, top) },
    tsv: { columns: ['file', 'label', 'score', 'error'], rows: (row) => tsvRows(row, top) },
    csv: { columns: csvColumns(top), row: (row) => csvCells(row, top) },
    json: asJson,
  });
}

/**
 * The row of a job that has ended, or of one that is no longer kept. A failure goes to standard error too. Resolves to
 * whether it succeeded.
 */
export async function writeEnded(
  writer: Writer<Row>,
  terminal: Terminal,
  { index, name, job }: Pick<Row, 'index' | 'name' | 'job'>,
): Promise<boolean> {
  const error = jobFailure(job);
  if (error !== undefined) terminal.complain(`${name}: ${error.code}: ${error.detail}`);
  await writer.write({ index, name, job, error });
  return error === undefined;
}

/** As the table: a row for each label. */
function tsvRows({ name, job, error }: Row, top: number): string[][] {
  const predictions = job?.predictions?.slice(0, top) ?? [];
  if (predictions.length > 0) return predictions.map(({ label, score }) => [name, label, String(score), '']);
  const succeeded = error === undefined && job?.status === 'succeeded';
  return [[name, '', '', succeeded ? '' : (error?.code ?? job?.error?.code ?? job?.status ?? 'failed')]];
}

function asJson({ index, name, job, error }: Row): object {
  const problem = job?.error ?? error?.problem;
  return {
    index,
    name,
    ...(job === undefined ? {} : { job_id: job.id }),
    status: job?.status ?? 'failed',
    ...(job?.model === undefined ? {} : { model: job.model }),
    ...(job?.predictions === undefined ? {} : { predictions: job.predictions }),
    ...(job?.correction === undefined ? {} : { correction: job.correction }),
    ...(job?.timing_ms === undefined ? {} : { timing_ms: job.timing_ms }),
    ...(problem === undefined && error === undefined
      ? {}
      : { error: problem ?? { code: error?.code, detail: error?.detail } }),
  };
}
