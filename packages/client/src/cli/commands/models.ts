/** `quintet models`: what the service classifies with. */
import { formatOf } from '../arguments.js';
import { command } from '../command.js';
import { connect } from '../context.js';
import { exitCodes } from '../failures.js';
import { rowFlags, rowFormats, serviceFlags } from '../flags.js';
import { printable, printableJson, tsv } from '../output/printable.js';
import { simpleTable } from '../output/table.js';

export const models = command('models', {
  summary: 'list the models',
  about: 'Lists the models of the service, the default one marked with *, and how many live workers each has.',
  flags: { ...rowFlags, ...serviceFlags },
  run: async ({ values }, context) => {
    const { terminal, signal } = context;
    const format = formatOf(values, terminal, rowFormats);
    const list = await (await connect(values, context)).models({ signal });
    const rows = list.models.map(({ name, version, weights, workers }) => {
      const devices = [...new Set(workers.map(({ device }) => device))];
      return { name, isDefault: name === list.default, version, weights, workers: workers.length, devices };
    });
    if (format === 'json') {
      await terminal.print(`${printableJson(list, 2)}\n`);
    } else if (format === 'tsv') {
      const cells = rows.map(({ name, isDefault, version = '', weights = '', workers, devices }) => [
        ...[name, isDefault ? 'default' : '', weights, version, String(workers), devices.join(', ')],
      ]);
      await terminal.print(tsv([['model', 'default', 'weights', 'version', 'workers', 'devices'], ...cells]));
    } else {
      const cells = rows.map(({ name, isDefault, version, weights, workers, devices }) => [
        `${isDefault ? '*' : ' '} ${printable(name)}`,
        weights === 'demo' ? 'demo: answers mean nothing' : (weights ?? '–'),
        (version ?? '–').replace(/^(sha256:.{12}).*$/, '$1'),
        String(workers),
        printable(devices.join(', ')),
      ]);
      const header = ['  MODEL', 'WEIGHTS', 'VERSION', '>WORKERS', 'DEVICES'];
      await terminal.print(simpleTable(header, cells, terminal.colours));
    }
    return exitCodes.ok;
  },
});
