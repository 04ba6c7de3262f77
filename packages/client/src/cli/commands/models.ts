/** `quintet models`: what the service classifies with. */
import { parse, serviceOptions, UsageError } from '../arguments.js';
import type { Command } from '../commands.js';
import { connect, type Context } from '../context.js';
import { exitCodes } from '../exit-codes.js';
import { serviceHelp } from '../help.js';
import { printable, printableJson } from '../output/printable.js';
import { simpleTable } from '../output/table.js';

const help = `quintet models [options]

Lists the models of the service, the default one marked with *, and how many live workers each has.

  --json              as the service answers
${serviceHelp}`;

async function run(args: readonly string[], context: Context): Promise<number> {
  const { values, positionals } = parse(args, { ...serviceOptions, json: { type: 'boolean' } });
  if (positionals.length > 0) throw new UsageError('quintet models takes options only');
  const { terminal, signal } = context;
  const list = await (await connect(values, context)).models({ signal });
  if (values.json === true) {
    await terminal.print(`${printableJson(list, 2)}\n`);
    return exitCodes.ok;
  }
  const rows = list.models.map(({ name, version, weights, workers }) => [
    `${name === list.default ? '*' : ' '} ${printable(name)}`,
    weights === 'demo' ? 'demo: answers mean nothing' : (weights ?? '–'),
    (version ?? '–').replace(/^(sha256:.{12}).*$/, '$1'),
    String(workers.length),
    [...new Set(workers.map(({ device }) => printable(device)))].join(', '),
  ]);
  await terminal.print(simpleTable(['  MODEL', 'WEIGHTS', 'VERSION', '>WORKERS', 'DEVICES'], rows, terminal.colours));
  return exitCodes.ok;
}

export const models: Command = { summary: 'list the models', help, run };
