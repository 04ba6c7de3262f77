/** The table of faults: each test adds its row, and the run prints all of them at its end (vitest.config.ts names this file). */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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

/** Name of the variable that tells the tests' processes where the rows go. */
const variable = 'QUINTET_FAULTS_TABLE';

export function addRow(row: Row): void {
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
      .map((line) => JSON.parse(line) as Row);
    process.stdout.write(`\n${formatTable(rows)}\n`);
  }
  rmSync(join(file, '..'), { recursive: true, force: true });
}

export function formatTable(rows: readonly Row[]): string {
  const head = ['fault', 'accepted', 'finished', 'lost', 'duplicated', 'webhooks', 'recovery s', ''];
  const lines = rows.map((row) => [
    row.fault,
    ...[row.accepted, row.finished, row.lost, row.duplicated, row.webhooks].map(String),
    row.recoverySeconds === undefined ? '–' : row.recoverySeconds.toFixed(1),
    row.note ?? '',
  ]);
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
