/** `quintet jobs`: what was submitted, newest first. */
import { formatScore, type Job } from '../../index.js';
import { jobStatuses } from '../../types.js';
import { formatOf, numberOf, UsageError, type Parsed } from '../arguments.js';
import { command } from '../command.js';
import { connect, type Context } from '../context.js';
import { exitCodes } from '../failures.js';
import { formatFlags, serviceFlags, type Flags } from '../flags.js';
import { pad, padStart, printable, shorten } from '../output/printable.js';
import { createWriter } from '../output/rows.js';
import type { Terminal } from '../output/terminal.js';

const flags = {
  status: { type: 'string', short: 's', value: 'STATUS', takes: jobStatuses, help: 'only those with this status' },
  limit: { type: 'string', short: 'l', value: 'N', help: 'how many at most (20)' },
  all: { type: 'boolean', short: 'a', help: 'all that are kept' },
  ...formatFlags,
  csv: { ...formatFlags.csv, help: 'the same for spreadsheets' },
  ...serviceFlags,
} as const satisfies Flags;

const mostAsked = 1_000_000;

async function run({ values }: Parsed<typeof flags>, context: Context): Promise<number> {
  const { terminal, signal } = context;
  const format = formatOf(values, terminal);
  const given = numberOf('limit', values.limit, { least: 1, most: mostAsked });
  if (values.all === true && given !== undefined) throw new UsageError('--all and --limit exclude each other');
  const limit = values.all === true ? undefined : (given ?? 20);
  const status = jobStatuses.find((each) => each === values.status);
  const client = await connect(values, context);
  const header = tableHeader(terminal);
  const writer = createWriter<Job>(terminal, format, {
    table: { header, row: (job) => tableRow(job, terminal), none: header },
    tsv: { columns, rows: (job) => [cellsOf(job)] },
    csv: { columns, row: cellsOf },
    json: (job) => job,
  });
  try {
    for await (const job of client.jobs({ status, limit, signal })) await writer.write(job);
  } finally {
    await writer.end();
  }
  return exitCodes.ok;
}

const columns = ['id', 'status', 'created_at', 'model', 'batch', 'label', 'score', 'error', 'correction'];

function cellsOf({ id, status, created_at, model, batch = '', predictions, error, correction }: Job): string[] {
  const best = predictions?.[0];
  const score = best === undefined ? '' : String(best.score);
  return [
    id,
    status,
    created_at,
    model.name,
    batch,
    best?.label ?? '',
    score,
    error?.code ?? '',
    correction?.label ?? '',
  ];
}

/** Of the columns: rows are printed as they come. */
const widths = { id: 36, status: 10, created: 19, model: 20, label: 24, score: 7 };

function tableHeader({ colours }: Terminal): string {
  const { id, status, created, model, label, score } = widths;
  const titles = [
    pad('ID', id),
    pad('STATUS', status),
    pad('CREATED', created),
    pad('MODEL', model),
    pad('LABEL', label),
  ];
  return `${[...titles, padStart('SCORE', score)].map(colours.bold).join('  ')}\n`;
}

function tableRow({ id, status, created_at, model, predictions, error }: Job, { colours, columns }: Terminal): string {
  const best = predictions?.[0];
  const cut = (text: string, width: number): string =>
    pad(columns === undefined ? printable(text) : shorten(printable(text), width), width);
  const created = cut(created_at.slice(0, 19).replace('T', ' '), widths.created);
  const start = [id, pad(status, widths.status), created, cut(model.name, widths.model)];
  if (best === undefined) return `${[...start, colours.red(printable(error?.code ?? ''))].join('  ').trimEnd()}\n`;
  return `${[...start, cut(best.label, widths.label), padStart(formatScore(best.score), widths.score)].join('  ')}\n`;
}

export const jobs = command('jobs', {
  summary: 'list what was submitted, newest first',
  about:
    'Lists the jobs of the key, or where the service has no keys all, newest first and as long as they are kept. Times are in UTC.',
  flags,
  examples: ['quintet jobs --status failed', 'quintet jobs --all --tsv | cut -f 6 | sort | uniq -c'],
  run,
});
