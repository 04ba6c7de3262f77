/**
 * The results of this page as a file. The columns are those that `GET /v1/batches/{id}/results` has as CSV, and two
 * more at the end.
 *
 * This file begins with a byte order mark, which the service's does not: that one is read by programs, this one is
 * opened by a double click, and Excel takes a file without the mark for its local code page and spoils every name that
 * is not ASCII.
 */
import { csvCells, csvColumns, csvLine, type Result } from '@quintet/client';

const byteOrderMark = '\ufeff';
const leastRanks = 5;

/** The whole file. `label_N` and `score_N` go as far as the longest result, five at least. */
export function resultsAsCsv(results: readonly Result[]): string {
  const ranks = results.reduce((most, { job }) => Math.max(most, job?.predictions?.length ?? 0), leastRanks);
  const rows = results.map((result) => {
    const total = result.job?.timing_ms?.total;
    const more = [total === undefined ? '' : String(total), result.job?.model.name ?? ''];
    return csvLine([...csvCells(result, ranks), ...more]);
  });
  return [byteOrderMark, csvLine([...csvColumns(ranks), 'total_ms', 'model']), ...rows].join('');
}

/** Gives the reader text as a file. `name` is what the browser suggests; `type` goes with UTF-8. */
export function downloadText(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  // Firefox follows only links that are in the document.
  document.body.append(link);
  link.click();
  link.remove();
  // The download has the blob by then: no browser reads the address later than in the next task.
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 10_000);
}
