/**
 * The three forms of a batch's results, each written chunk by chunk: a JSON array, a JSON document a line, or CSV (RFC 4180:
 * CRLF, quotes doubled).
 *
 * CSV is opened in spreadsheets, which run a cell that begins like a formula. Labels and file names come from strangers, so
 * such a cell gets an apostrophe in front, which a spreadsheet takes for "this is text".
 */
import type { BatchResult } from '@quintet/shared';

export interface ResultsFormat {
  readonly type: string;
  /** Before the first item, between two, and after the last. */
  readonly head: string;
  readonly between: string;
  readonly tail: string;
  readonly item: (result: BatchResult) => string;
}

/** The formats by media type, in the order of preference; `topK` is how many labels a row of CSV has columns for. */
export function resultsFormats(topK: number): readonly ResultsFormat[] {
  return [
    { type: 'application/json', head: '[\n', between: ',\n', tail: '\n]\n', item: (result) => JSON.stringify(result) },
    { type: 'application/x-ndjson', head: '', between: '', tail: '', item: (result) => `${JSON.stringify(result)}\n` },
    {
      type: 'text/csv',
      head: csvRow(csvColumns(topK)),
      between: '',
      tail: '',
      item: (result) => csvItem(result, topK),
    },
  ];
}

/** The text of all of it, one piece a chunk. */
export async function* writeResults(format: ResultsFormat, chunks: AsyncIterable<readonly BatchResult[]>) {
  yield format.head;
  let first = true;
  for await (const chunk of chunks) {
    const text = chunk.map((result) => format.item(result)).join(format.between);
    yield first ? text : format.between + text;
    first = false;
  }
  yield format.tail;
}

const ranks = (topK: number): number[] => Array.from({ length: topK }, (_, rank) => rank);

export function csvColumns(topK: number): string[] {
  const labels = ranks(topK).flatMap((rank) => [`label_${rank + 1}`, `score_${rank + 1}`]);
  return ['index', 'name', 'job_id', 'status', 'error_code', 'error_detail', ...labels, 'correction'];
}

function csvItem({ index, name, job_id, job }: BatchResult, topK: number): string {
  const predictions = ranks(topK).flatMap((rank) => {
    const prediction = job?.predictions?.[rank];
    return prediction === undefined ? ['', ''] : [prediction.label, String(prediction.score)];
  });
  const { code = '', detail = '' } = job?.error ?? {};
  return csvRow([
    String(index),
    name,
    job_id,
    job?.status ?? '',
    code,
    detail,
    ...predictions,
    job?.correction?.label ?? '',
  ]);
}

function csvRow(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

export function csvCell(value: string): string {
  const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
