/**
 * `npm run docs`: writes into the pages under docs/ what the code knows: the table of variables (configuration.md), of
 * metrics (metrics.md) and of the command's options (client.md), the OpenAPI document (openapi.json), and the client's types from that. test/docs compares the pages with the code; prose around the tables is written by people.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { clientTypes, clientTypesFile, pictureExtensions, pictureExtensionsFiles } from './lib/client-types.mjs';
import { flagRows } from './lib/flag-rows.mjs';
import { importBuilt, root } from './lib/project.mjs';

const shared = await importBuilt('packages/shared/dist/index.js');

/** @param {string} text */
const cell = (text) => text.replaceAll('|', '\\|');
/** @param {readonly string[]} cells */
const row = (cells) => `| ${cells.map(cell).join(' | ')} |`;

/**
 * Puts `rows` in the place of those of the table whose header begins with `first`.
 * @param {string} page @param {string} first @param {readonly string[]} rows
 */
async function writeTable(page, first, rows) {
  const file = join(root, 'docs', page);
  const lines = readFileSync(file, 'utf8').split('\n');
  const header = lines.findIndex((line) => line.startsWith(`| ${first} `));
  let end = header + 2;
  while (lines[end]?.startsWith('|')) end += 1;
  const text = [...lines.slice(0, header + 2), ...rows, ...lines.slice(end)].join('\n');
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), parser: 'markdown' }));
}

const services = { api: shared.apiVariables, worker: shared.workerVariables, webhooks: shared.webhooksVariables };
const names = [...new Set(Object.values(services).flatMap((variables) => Object.keys(variables)))].sort();
await writeTable(
  'configuration.md',
  'variable',
  names.map((name) => {
    const readers = Object.entries(services).filter(([, variables]) => variables[name] !== undefined);
    const variable = readers[0]?.[1][name];
    const fallbacks = new Set(readers.map(([, variables]) => variables[name].fallback));
    const fallback =
      fallbacks.size > 1
        ? readers.map(([service, variables]) => `${variables[name].fallback ?? '–'} (${service})`).join(', ')
        : variable.fallback;
    return row([
      `\`${name}\``,
      readers.map(([service]) => service).join(', '),
      variable.allowed,
      fallback === undefined ? '–' : `\`${fallback}\``,
      variable.description,
    ]);
  }),
);

const service = shared.createServiceMetrics({ service: 'docs', version: '0' });
service.stop();
const registries = [
  ['every service', service.registry],
  ...[
    ['api', shared.createApiMetrics],
    ['worker', shared.createWorkerMetrics],
    ['webhooks', shared.createWebhookMetrics],
  ].map(([owner, create]) => {
    const registry = new shared.Registry();
    create(registry);
    return [owner, registry];
  }),
];
await writeTable(
  'metrics.md',
  'metric',
  registries.flatMap(([owner, registry]) =>
    registry
      .getMetricsAsArray()
      .filter(({ name }) => !/^quintet_(nodejs|process)_/.test(name))
      .map((metric) => {
        const labels = metric.labelNames.filter((label) => label !== 'le').map((label) => `\`${label}\``);
        return row([`\`${metric.name}\``, metric.type, owner, labels.join(', ') || '–', metric.help]);
      }),
  ),
);

const { commands } = await importBuilt('packages/client/dist/cli/commands.js');
const { nodesOf } = await importBuilt('packages/client/dist/cli/completion/tree.js');
await writeTable('client.md', 'option', flagRows(nodesOf(commands)).map(row));

const { routes } = await importBuilt('services/api/dist/http/routes.js');
const { openApiDocument } = await importBuilt('services/api/dist/openapi/document.js');
const { version } = JSON.parse(readFileSync(join(root, 'services/api/package.json'), 'utf8'));
const openApiFile = join(root, 'docs/openapi.json');
const document = openApiDocument(version, routes.rows);
writeFileSync(
  openApiFile,
  await format(JSON.stringify(document), { ...(await resolveConfig(openApiFile)), parser: 'json' }),
);
writeFileSync(join(root, clientTypesFile), await clientTypes(document));

const { fileExtensions } = await importBuilt('packages/images/dist/index.js');
for (const file of pictureExtensionsFiles) writeFileSync(join(root, file), await pictureExtensions(fileExtensions));
