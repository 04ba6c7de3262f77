/** CSV (RFC 4180) with the columns that the service's own has for batches. */
import { printable } from './printable.js';
import type { Row } from './rows.js';

export function csvHeader(top: number): string {
  const labels = Array.from({ length: top }, (_, index) => [`label_${index + 1}`, `score_${index + 1}`]).flat();
  return csvLine(['index', 'name', 'job_id', 'status', 'error_code', 'error_detail', ...labels, 'correction']);
}

/** `shown`: it goes to a terminal, which must not be given control characters. */
export function csvRow({ index, name, job, error }: Row, top: number, shown: boolean): string {
  const problem = job?.error;
  const labels = Array.from({ length: top }, (_, at) => {
    const prediction = job?.predictions?.[at];
    return prediction === undefined ? ['', ''] : [prediction.label, String(prediction.score)];
  }).flat();
  const cells = [
    String(index),
    name,
    job?.id ?? '',
    job?.status ?? 'failed',
    problem?.code ?? error?.code ?? '',
    problem?.detail ?? error?.detail ?? '',
    ...labels,
    job?.correction?.label ?? '',
  ];
  return csvLine(shown ? cells.map(printable) : cells);
}

/** One row. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

/** A spreadsheet takes a text that begins so for a formula: an apostrophe before it says that it is text. */
const formula = /^[=+\-@\t\r]/;

function cell(text: string): string {
  const safe = formula.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
