/** The OpenAPI document is valid, says what the code says, and names every route that there is. */
import { readFileSync } from 'node:fs';
import { errorRegistry, Registry, createApiMetrics, createLogger } from '@quintet/shared';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { accessOf } from '../../services/api/src/auth/access.js';
import { createApp, type AppOptions } from '../../services/api/src/http/app.js';
import { openApiDocument, operations } from '../../services/api/src/openapi/document.js';
import { accessCodes, commonCodes } from '../../services/api/src/openapi/operation.js';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const { version } = JSON.parse(read('services/api/package.json')) as { version: string };
const document = openApiDocument(version);

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

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(structuredClone(document));
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
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

  it('has every route of the application, and no other', () => {
    // Routes are made of their dependencies, and ask nothing of them before a request comes.
    const options = {
      version,
      logger: createLogger('api', 'silent'),
      registry: new Registry(),
      metrics: createApiMetrics(new Registry()),
      jobs: {},
      deliveries: {},
      batches: {},
      models: { defaultModel: 'resnet50' },
      authenticate: (_request: unknown, _response: unknown, next: () => void) => {
        next();
      },
      proxies: 0,
      servesMetrics: true,
    } as unknown as AppOptions;
    const routes = new Set(routesOf(createApp(options)));
    expect([...routes].sort()).toEqual(operations.map(({ method, path }) => `${method} ${path}`).sort());
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

  it('asks for the scopes that the service asks for', () => {
    const asked = operations.map(({ method, path }) => [method, path, accessOf(method.toUpperCase(), path).scope]);
    expect(operations.map(({ method, path, scope }) => [method, path, scope])).toEqual(asked);
  });

  it('has an id of its own for every operation', () => {
    expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
  });
});
