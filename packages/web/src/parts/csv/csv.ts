/**
 * Many results as a table, RFC 4180: CRLF, quotes doubled. The columns are those that `GET /v1/batches/{id}/results` has as CSV,
 * by the same names and in the same order, and two more at the end: `total_ms` and `model`.
 *
 * This table begins with a byte order mark, which the service's does not: that one is read by programs, this one is opened by a
 * double click, and Excel takes a file without the mark for its local code page and spoils every name that is not ASCII.
 *
 * Spreadsheets run a cell that begins like a formula. Labels and file names come from strangers, so such a cell gets an
 * apostrophe in front, which a spreadsheet takes for "this is text".
 */
import type { Job } from '../../api/types.js';

export interface CsvResult {
  /** The file's name, or the address of the picture. */
  readonly name: string;
  /** Absent where none was made: the submission was refused, or has not been sent yet. */
  readonly job?: Job | undefined;
  /** Why there is no job, where it was refused. */
  readonly error?: { readonly code: string; readonly detail?: string | undefined } | undefined;
}

const byteOrderMark = '\ufeff';
const leastRanks = 5;

/** The whole file. `label_N` and `score_N` go as far as the longest result, five at least. */
export function resultsAsCsv(results: readonly CsvResult[]): string {
  const ranks = results.reduce((most, { job }) => Math.max(most, job?.predictions?.length ?? 0), leastRanks);
  const rows = results.map((result, index) => rowOf(result, index, ranks));
  return byteOrderMark + [columns(ranks), ...rows].map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('');
}

function columns(ranks: number): string[] {
  const predictions = Array.from({ length: ranks }, (_, rank) => [`label_${rank + 1}`, `score_${rank + 1}`]);
  const first = ['index', 'name', 'job_id', 'status', 'error_code', 'error_detail'];
  return [...first, ...predictions.flat(), 'correction', 'total_ms', 'model'];
}

function rowOf({ name, job, error }: CsvResult, index: number, ranks: number): string[] {
  const predictions = Array.from({ length: ranks }, (_, rank) => {
    const prediction = job?.predictions?.[rank];
    return prediction === undefined ? ['', ''] : [prediction.label, String(prediction.score)];
  });
  const { code = '', detail = '' } = job?.error ?? error ?? {};
  // A picture that was refused has failed, though no job says so.
  const status = job?.status ?? (error === undefined ? '' : 'failed');
  const total = job?.timing_ms?.total;
  return [
    ...[String(index), name, job?.id ?? '', status, code, detail],
    ...predictions.flat(),
    ...[job?.correction?.label ?? '', total === undefined ? '' : String(total), job?.model.name ?? ''],
  ];
}

export function csvCell(value: string): string {
  const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
