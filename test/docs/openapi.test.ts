/** The OpenAPI document is valid, says what the code says, names every route that there is, and is one that clients can be generated from. */
import { readFileSync } from 'node:fs';
import { errorRegistry, Registry, createApiMetrics, createLogger } from '@quintet/shared';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { createApp, type AppOptions } from '../../services/api/src/http/app.js';
import { routes } from '../../services/api/src/http/routes.js';
import { bodyKinds, openApiDocument, withOneBody } from '../../services/api/src/openapi/document.js';
import { accessCodes, commonCodes } from '../../services/api/src/openapi/operation.js';
import { answers } from '../../services/api/src/openapi/schemas.js';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const { version } = JSON.parse(read('services/api/package.json')) as { version: string };
const document = openApiDocument(version, routes.rows);
const operations = routes.rows.flatMap(({ operation }) => operation ?? []);

/** The parts of an Express application that list its routes. */
interface Routed {
  readonly router: {
    readonly stack: readonly {
      readonly route?: { readonly path: string; readonly stack: readonly { readonly method?: string }[] };
    }[];
  };
}

/** `METHOD /path` of every route, as OpenAPI writes them. */
function routesOf(app: Routed): string[] {
  return app.router.stack.flatMap(({ route }) =>
    route === undefined
      ? []
      : route.stack
          // onlyMethods() takes every other method, and has none of its own.
          .filter(({ method }) => method !== undefined)
          .map(({ method }) => `${String(method)} ${route.path.replaceAll(/:(\w+)/g, '{$1}')}`),
  );
}

/** An operation of the document. */
interface Described {
  readonly operationId: string;
  readonly 'x-scope'?: string;
}

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(structuredClone(document));
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
  });

  it("keeps Redocly's recommended rules, as errors and as warnings", async () => {
    const problems = await lintFromString({
      source: JSON.stringify(document),
      absoluteRef: 'openapi.json',
      config: await createConfig({ extends: ['recommended'] }),
    });
    expect(problems.map(({ ruleId, message, location: [at] }) => `${ruleId}: ${message} ${at?.pointer ?? ''}`)).toEqual(
      [],
    );
  });

  it('is what is committed (npm run docs writes it)', () => {
    expect(JSON.parse(read('docs/openapi.json'))).toEqual(JSON.parse(JSON.stringify(document)));
  });

  it('has the types of the client made from it (npm run docs writes them)', async () => {
    const { clientTypes, clientTypesFile } = (await import(
      new URL('../../scripts/lib/client-types.mjs', import.meta.url).href
    )) as { clientTypes: (document: object) => Promise<string>; clientTypesFile: string };
    expect(read(clientTypesFile)).toBe(await clientTypes(JSON.parse(JSON.stringify(document)) as object));
  });

  it('has the operation of every row of the table of routes that has one, and no other', () => {
    const paths = document['paths'] as Readonly<Record<string, Readonly<Record<string, Described>>>>;
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [method, path, operation.operationId, operation['x-scope']]),
    );
    const rows = routes.rows.flatMap(({ method, path, operation, scope }) =>
      operation === undefined ? [] : [[method, path, operation.id, scope === 'open' ? undefined : scope]],
    );
    expect(described.sort()).toEqual(rows.sort());
  });

  it('has the operation of every route of the application', () => {
    // Routes are made of their dependencies, and ask nothing of them before a request comes.
    const options = {
      version,
      logger: createLogger('api', 'silent'),
      registry: new Registry(),
      metrics: createApiMetrics(new Registry()),
      authenticate: (_request: unknown, _response: unknown, next: () => void) => {
        next();
      },
      proxies: 0,
      servesMetrics: true,
    } as unknown as AppOptions;
    const served = [...new Set(routesOf(createApp(options)))];
    expect(served.sort()).toEqual(routes.rows.map(({ method, path }) => `${method} ${path}`).sort());
  });

  it('names every failure that a request can be answered with', () => {
    const page = read('docs/errors.md');
    const answered = [...page.matchAll(/^\| `(\w+)` .*\| HTTP(?:, job)? +\|$/gm)].map(([, code]) => code);
    const named = new Set<string>([...commonCodes, ...accessCodes, ...operations.flatMap(({ codes }) => codes ?? [])]);
    // Of no operation: there is none at that address.
    const elsewhere = ['route_not_found'];
    expect(answered.filter((code) => !named.has(code ?? '') && !elsewhere.includes(code ?? ''))).toEqual([]);
    for (const code of named) expect(errorRegistry).toHaveProperty(code);
  });

  it('has an id of its own for every operation', () => {
    expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
  });
});

/** A parsed JSON Schema, or whatever else a document has. */
type Node = Readonly<Record<string, unknown>>;

/** Every object below `value`, with the path to it. */
function* nodesOf(value: unknown, path = '#'): Generator<[path: string, node: Node]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [path, value as Node];
  for (const [name, each] of Object.entries(value)) {
    // Examples are values, not schemas.
    if (name !== 'examples') yield* nodesOf(each, `${path}/${name}`);
  }
}

describe('clients that are generated from the document', () => {
  const nodes = [...nodesOf(JSON.parse(JSON.stringify(document)))];
  const isSchema = ([path]: [string, Node]): boolean => !path.endsWith('/properties');

  it('send nothing that nobody set', () => {
    expect(nodes.filter((each) => isSchema(each) && 'default' in each[1]).map(([path]) => path)).toEqual([]);
  });

  it('fail at no value that a later version answers', () => {
    const schemas = (document['components'] as { schemas: Readonly<Record<string, unknown>> }).schemas;
    const closed = Object.entries(schemas)
      .filter(([name]) => name in answers)
      .flatMap(([name, schema]) => [...nodesOf(schema, name)])
      .filter(([, node]) => Array.isArray(node['enum']) || node['additionalProperties'] === false);
    expect(closed.map(([path]) => path)).toEqual([]);
  });

  it('have one parameter of each name, and one class of errors', () => {
    for (const { id, parameters = [], body } of operations) {
      const form = body?.content['multipart/form-data']?.schema['properties'] ?? {};
      const names = [...parameters.map(({ name }) => name), ...Object.keys(form)];
      expect([id, new Set(names).size]).toEqual([id, names.length]);
    }
    const failures = nodes
      .filter(([, node]) => 'x-error-codes' in node)
      .map(([, { content }]) => JSON.stringify(content));
    expect(new Set(failures).size).toBe(2);
  });

  it.each(['form', 'json', 'raw'] as const)('may ask for one kind of body: %s', async (kind) => {
    const whole = document['paths'] as Readonly<Record<string, { post?: { requestBody?: { content: object } } }>>;
    const one = withOneBody(document, kind);
    expect((await new Validator().validate(structuredClone(one))).errors ?? []).toEqual([]);
    for (const path of ['/v1/jobs', '/v1/batches']) {
      const { post } = (one['paths'] as typeof whole)[path] ?? {};
      const all = whole[path]?.post?.requestBody?.content ?? {};
      expect(Object.keys(all).sort()).toEqual(Object.values(bodyKinds).sort());
      expect(Object.entries(post?.requestBody?.content ?? {})).toEqual(
        Object.entries(all).filter(([mediaType]) => mediaType === bodyKinds[kind]),
      );
    }
  });
});
