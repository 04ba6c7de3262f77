/** Results in the format that was asked for, row by row: nothing is kept. */
import type { Job, QuintetError } from '../../index.js';
import type { Format } from '../flags.js';
import { printableJson } from './printable.js';
import { csvHeader, csvRow } from './csv.js';
import { TableWriter } from './table.js';
import { tsv } from './tsv.js';
import type { Terminal } from './terminal.js';

/** What came of one picture: its job, or why there is none. A job that failed has its error in itself. */
export interface Row {
  readonly index: number;
  readonly name: string;
  readonly job?: Job | undefined;
  readonly error?: QuintetError | undefined;
}

/** How many labels of each picture are shown where nobody says. */
export function labelsOf(format: Format): number {
  return format === 'table' || format === 'tsv' ? 1 : 5;
}

export interface RowWriter {
  write(row: Row): Promise<void>;
  /** Once, also after an interruption: JSON is to be whole. */
  end(): Promise<void>;
}

export interface RowWriterOptions {
  readonly terminal: Terminal;
  readonly format: Format;
  /** Labels of each picture. */
  readonly top: number;
  /** Some of the names to come, for the width of their column. */
  readonly names: readonly string[];
}

export function createRowWriter({ terminal, format, top, names }: RowWriterOptions): RowWriter {
  let rows = 0;
  const shown = terminal.columns !== undefined;
  const print = (text: string): Promise<void> => terminal.print(text);
  switch (format) {
    case 'table': {
      const table = new TableWriter(names, terminal.colours, terminal.columns);
      return {
        write: (row) => print((rows++ === 0 ? table.header() : '') + table.row(row, top)),
        end: () => Promise.resolve(),
      };
    }
    case 'tsv':
      return {
        write: (row) => print(tsv([...(rows++ === 0 ? [tsvHeader] : []), ...tsvRows(row, top)], shown)),
        end: () => (rows === 0 ? print(tsv([tsvHeader])) : Promise.resolve()),
      };
    case 'csv':
      return {
        write: (row) => print((rows++ === 0 ? csvHeader(top) : '') + csvRow(row, top, shown)),
        end: () => (rows === 0 ? print(csvHeader(top)) : Promise.resolve()),
      };
    case 'ndjson':
      return { write: (row) => print(`${printableJson(asJson(row))}\n`), end: () => Promise.resolve() };
    case 'json':
      return {
        write: (row) => print(`${rows++ === 0 ? '[\n' : ',\n'}${printableJson(asJson(row))}`),
        end: () => print(rows === 0 ? '[]\n' : '\n]\n'),
      };
  }
}

const tsvHeader = ['file', 'label', 'score', 'error'];

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
