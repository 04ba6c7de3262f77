/** `quintet status`: the operations of the service, once or as they change. */
import { QuintetError } from '../../index.js';
import { sleep } from '../../http/abortable.js';
import { numberOf, parse, serviceOptions, UsageError } from '../arguments.js';
import type { Command } from '../commands.js';
import { connect, type Context } from '../context.js';
import { exitCodes } from '../exit-codes.js';
import { explain } from '../failures.js';
import { serviceHelp } from '../help.js';
import { operationsTable } from '../output/operations-table.js';
import { printableJson } from '../output/printable.js';

const help = `quintet status [options]

Throughput, queue, latency and workers. Where the service has keys, it takes one with the scope admin.

  --watch             go on, until Ctrl-C
  --interval SECONDS  with --watch: between two looks (2)
  --json              as the service answers; with --watch, a document a line
${serviceHelp}`;

const options = {
  ...serviceOptions,
  watch: { type: 'boolean', short: 'w' },
  interval: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** To the top left, and away with all below. */
const clearScreen = '\x1b[H\x1b[J';

async function run(args: readonly string[], context: Context): Promise<number> {
  const { values, positionals } = parse(args, options);
  if (positionals.length > 0) throw new UsageError('quintet status takes options only');
  const { terminal, signal } = context;
  const interval = numberOf('interval', values.interval, { least: 1, most: 3600, whole: false }) ?? 2;
  const client = await connect(values, context);
  const watch = values.watch === true;
  const isScreen = watch && values.json !== true && terminal.columns !== undefined;
  for (let first = true; ; first = false) {
    try {
      const operations = await client.operations({ signal });
      const text =
        values.json === true
          ? `${printableJson(operations, watch ? undefined : 2)}\n`
          : operationsTable(operations, terminal.colours);
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

export const status: Command = { summary: 'throughput, queue, latency and workers, in one table', help, run };
