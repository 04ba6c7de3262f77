/** `quintet status`: the operations of the service, once or as they change. */
import { QuintetError, type Operations } from '../../index.js';
import { sleep } from '../../http/abortable.js';
import { formatOf, numberOf, type Parsed } from '../arguments.js';
import { command } from '../command.js';
import { connect, type Context } from '../context.js';
import { exitCodes, explain } from '../failures.js';
import { rowFlags, rowFormats, serviceFlags, type Flags, type Format } from '../flags.js';
import { operationsTable } from '../output/operations-table.js';
import { printableJson, tsv } from '../output/printable.js';
import type { Terminal } from '../output/terminal.js';

const flags = {
  watch: { type: 'boolean', short: 'w', help: 'go on, until Ctrl-C' },
  interval: { type: 'string', short: 'i', value: 'SECONDS', help: 'with --watch: between two looks (2)' },
  ...rowFlags,
  ...serviceFlags,
} as const satisfies Flags;

/** To the top left, and away with all below. */
const clearScreen = '\x1b[H\x1b[J';

async function run({ values }: Parsed<typeof flags>, context: Context): Promise<number> {
  const { terminal, signal } = context;
  const format = formatOf(values, terminal, rowFormats);
  const interval = numberOf('interval', values.interval, { least: 1, most: 3600, whole: false }) ?? 2;
  const client = await connect(values, context);
  const watch = values.watch === true;
  const isScreen = watch && format === 'table' && terminal.columns !== undefined;
  for (let first = true; ; first = false) {
    try {
      const operations = await client.operations({ signal });
      const text = written(operations, format, { watch, first }, terminal);
      if (isScreen && first) await terminal.print('\x1b[2J');
      await terminal.print(isScreen ? clearScreen + text : text);
    } catch (error) {
      if (watch && signal.aborted) return exitCodes.ok;
      // Who watches wants to see it come back.
      const passes = error instanceof QuintetError && error.code === 'connection_failed';
      if (!watch || first || !passes) throw error;
      terminal.complain(explain(error));
    }
    if (!watch) return exitCodes.ok;
    try {
      await sleep(interval * 1000, signal);
    } catch {
      return exitCodes.ok;
    }
  }
}

function written(
  operations: Operations,
  format: Format,
  { watch, first }: { readonly watch: boolean; readonly first: boolean },
  { colours, columns }: Terminal,
): string {
  if (format === 'json') return `${printableJson(operations, watch ? undefined : 2)}\n`;
  if (format !== 'tsv') return operationsTable(operations, colours);
  return tsv([...(first ? [['name', 'value']] : []), ...pathsOf(operations)], columns !== undefined);
}

/** Each value by its path in the JSON, as in `queue.by_model.0.waiting`. */
function pathsOf(value: unknown, path = ''): string[][] {
  if (typeof value !== 'object' || value === null) return [[path, String(value)]];
  return Object.entries(value).flatMap(([name, each]) => pathsOf(each, path === '' ? name : `${path}.${name}`));
}

export const status = command('status', {
  summary: 'throughput, queue, latency and workers, in one table',
  about: 'Throughput, queue, latency and workers. Where the service has keys, it takes one with the scope admin.',
  flags,
  notes: 'With --json and --watch, a document a line; as TSV, a line for each value, by its path in that document.',
  run,
});
