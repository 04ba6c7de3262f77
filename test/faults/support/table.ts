/** The tables of faults: each test adds its row, and the run prints all of them at its end (vitest.config.ts names this file). */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What became of the jobs. */
export interface Row {
  readonly fault: string;
  readonly accepted: number;
  readonly finished: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly webhooks: number;
  /** From the end of the fault to the first job that was submitted after it and succeeded; undefined where there is no such moment. */
  readonly recoverySeconds: number | undefined;
  /** What else was measured. */
  readonly note?: string;
}

/** How processes ended that were told to. */
export interface StopRow {
  readonly stop: string;
  readonly rounds: number;
  /** Ended by SIGABRT, or by an error of native code. */
  readonly aborts: number;
  /** Ended when the time for it was over. */
  readonly hangs: number;
}

/** Name of the variable that tells the tests' processes where the rows go. */
const variable = 'QUINTET_FAULTS_TABLE';

export function addRow(row: Row | StopRow): void {
  const file = process.env[variable];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(row)}\n`);
}

export function setup(): void {
  process.env[variable] = join(mkdtempSync(join(tmpdir(), 'quintet-faults-')), 'rows');
}

export function teardown(): void {
  const file = process.env[variable] ?? '';
  if (existsSync(file)) {
    const rows = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Row | StopRow);
    for (const table of formatTables(rows)) process.stdout.write(`\n${table}\n`);
  }
  rmSync(join(file, '..'), { recursive: true, force: true });
}

/** One table of what became of jobs, one of how processes ended, where there are rows of either. */
export function formatTables(rows: readonly (Row | StopRow)[]): string[] {
  const jobs = rows.filter((row) => 'fault' in row);
  const stops = rows.filter((row) => 'stop' in row);
  return [...(jobs.length === 0 ? [] : [formatJobs(jobs)]), ...(stops.length === 0 ? [] : [formatStops(stops)])];
}

const formatJobs = (rows: readonly Row[]): string =>
  align(
    ['fault', 'accepted', 'finished', 'lost', 'duplicated', 'webhooks', 'recovery s', ''],
    rows.map((row) => [
      row.fault,
      ...[row.accepted, row.finished, row.lost, row.duplicated, row.webhooks].map(String),
      row.recoverySeconds === undefined ? '–' : row.recoverySeconds.toFixed(1),
      row.note ?? '',
    ]),
  );

const formatStops = (rows: readonly StopRow[]): string =>
  align(
    ['told to end', 'rounds', 'aborts', 'hangs', ''],
    rows.map((row) => [row.stop, ...[row.rounds, row.aborts, row.hangs].map(String), '']),
  );

/** The first and the last column to the left, those between, numbers, to the right. */
function align(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((line) => line[column]?.length ?? 0)));
  return [head, ...lines]
    .map((line) =>
      line
        .map((cell, column) =>
          column === 0 || column === head.length - 1
            ? cell.padEnd(widths[column] ?? 0)
            : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
