/** Results as people read them: rows of CSV (RFC 4180), and scores in percent. */
import type { Job } from './types.js';

/** What came of one picture: its job, or why there is none. A job that failed has its error in itself. */
export interface Result {
  readonly index: number;
  /** The file's name, or the address of the picture. */
  readonly name: string;
  readonly job?: Job | undefined;
  readonly error?: { readonly code: string; readonly detail?: string | undefined } | undefined;
}

/** The names of the columns, as `GET /v1/batches/{id}/results` has them; `top`: labels of each picture. */
export function csvColumns(top: number): string[] {
  const labels = Array.from({ length: top }, (_, rank) => [`label_${rank + 1}`, `score_${rank + 1}`]);
  return ['index', 'name', 'job_id', 'status', 'error_code', 'error_detail', ...labels.flat(), 'correction'];
}

/** The values of these columns, for `csvLine`. */
export function csvCells({ index, name, job, error }: Result, top: number): string[] {
  const labels = Array.from({ length: top }, (_, rank) => {
    const prediction = job?.predictions?.[rank];
    return prediction === undefined ? ['', ''] : [prediction.label, String(prediction.score)];
  });
  // A picture that was refused has failed, though no job says so.
  const status = job?.status ?? (error === undefined ? '' : 'failed');
  const { code = '', detail = '' } = job?.error ?? error ?? {};
  return [String(index), name, job?.id ?? '', status, code, detail, ...labels.flat(), job?.correction?.label ?? ''];
}

/** One row, with its line break. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

/**
 * Spreadsheets run a cell that begins like a formula. Labels and file names come from strangers, so such a cell gets an
 * apostrophe in front, which a spreadsheet takes for "this is text".
 */
function csvCell(value: string): string {
  const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * A score of 0 to 1 as `93.1 %`. It is rounded so that only 1 is `100 %` and only 0 is `0 %`: 0.9997 is `99.9 %`, and
 * less than half of the last decimal is `< 0.1 %`.
 */
export function formatScore(score: number, decimals = 1): string {
  if (score <= 0) return '0 %';
  if (score >= 1) return '100 %';
  const step = 10 ** -decimals;
  const value = score * 100;
  return value < step / 2 ? `< ${step} %` : `${Math.min(value, 100 - step).toFixed(decimals)} %`;
}
