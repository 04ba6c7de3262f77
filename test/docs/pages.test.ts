/** The pages under docs/ say what the code says, in both directions. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import {
  Registry,
  apiVariables,
  createApiMetrics,
  createServiceMetrics,
  createWebhookMetrics,
  createWorkerMetrics,
  webhooksVariables,
  workerVariables,
  type Variable,
} from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { commands } from '../../packages/client/src/cli/commands.js';
import { nodesOf } from '../../packages/client/src/cli/completion.js';

/** The cells of every table row of a page that begins so; by default, with code. */
function tableRows(page: string, begin = /^\| `/): string[][] {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => begin.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll('\\|', '|')),
    );
}

const code = (value: string): string => value.replaceAll('`', '');

describe('docs/configuration.md', () => {
  const services: Record<string, Record<string, Variable<unknown>>> = {
    api: apiVariables,
    worker: workerVariables,
    webhooks: webhooksVariables,
  };
  const startOnly = ['WORKERS', 'LOG_FORMAT'];
  const rows = new Map(tableRows('configuration.md').map((row) => [code(row[0] ?? ''), row]));

  it('has every variable, with who reads it, what is allowed, and the default', () => {
    for (const name of new Set(Object.values(services).flatMap((variables) => Object.keys(variables)))) {
      const readers = Object.keys(services).filter((service) => services[service]?.[name] !== undefined);
      const [, readBy, allowed, fallback, description] = rows.get(name) ?? [];
      expect([name, readBy]).toEqual([name, readers.join(', ')]);
      for (const service of readers) {
        const variable = services[service]?.[name];
        expect([name, allowed, description]).toEqual([name, variable?.allowed, variable?.description]);
        expect([name, code(fallback ?? '')]).toEqual([name, expect.stringContaining(variable?.fallback ?? '–')]);
      }
    }
  });

  it('has no variable that nobody reads', () => {
    const known = new Set([...Object.values(services).flatMap((variables) => Object.keys(variables)), ...startOnly]);
    expect([...rows.keys()].filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('docs/metrics.md', () => {
  it('has every metric, with its service and labels, and no other', () => {
    const registries: Record<string, Registry> = {
      api: new Registry(),
      worker: new Registry(),
      webhooks: new Registry(),
    };
    if (registries['api']) createApiMetrics(registries['api']);
    if (registries['worker']) createWorkerMetrics(registries['worker']);
    if (registries['webhooks']) createWebhookMetrics(registries['webhooks']);
    const service = createServiceMetrics({ service: 'test', version: '0' });
    service.stop();
    registries['every service'] = service.registry;
    const found = Object.entries(registries).flatMap(([owner, registry]) =>
      registry
        .getMetricsAsArray()
        .filter(({ name }) => !/^quintet_(nodejs|process)_/.test(name))
        .map((metric) => {
          const labels = (metric as unknown as { labelNames: string[] }).labelNames.filter((label) => label !== 'le');
          return [metric.name, owner, labels.join(', ') || '–', metric.help];
        }),
    );
    const documented = tableRows('metrics.md').map(([name = '', , owner = '', labels = '', help = '']) => [
      code(name),
      owner,
      code(labels),
      help,
    ]);
    expect(documented.sort()).toEqual(found.sort());
  });
});

describe('docs/security.md', () => {
  it('names only files that there are', () => {
    const files = execFileSync('git', ['ls-files'], { cwd: new URL('../..', import.meta.url), encoding: 'utf8' })
      .split('\n')
      .map((file) => `/${file}`);
    const named = tableRows('security.md', /^\| [a-z]/)
      .flatMap(
        (cells) =>
          cells
            .slice(2)
            .join(' ')
            .match(/`[^`]+`/g) ?? [],
      )
      .map((name) => `/${code(name)}`);
    expect(named.length).toBeGreaterThan(40);
    const known = (name: string): boolean =>
      files.some((file) => file.endsWith(name) || file.endsWith(`${name}.test.ts`) || file.includes(`${name}/`));
    expect(named.filter((name) => !known(name))).toEqual([]);
  });
});

describe('docs/client.md', () => {
  it('has every option of the command (npm run docs writes them)', async () => {
    const { flagRows } = (await import(new URL('../../scripts/lib/flag-rows.mjs', import.meta.url).href)) as {
      flagRows: (nodes: ReturnType<typeof nodesOf>) => string[][];
    };
    expect(tableRows('client.md', /^\| `-/)).toEqual(flagRows(nodesOf(commands)));
  });
});
