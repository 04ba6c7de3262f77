/**
 * The OpenAPI 3.1 document, generated: operations from the table of routes, schemas from zod (schemas.ts), failures
 * from the error registry. docs/openapi.json is this document as committed; tests compare both with each other and with
 * the routes of the application.
 */
import { deliveryEvents, errorRegistry, type ErrorCode } from '@quintet/shared';
import type { Scope } from '../jobs/index.js';
import { accessCodes, commonCodes, responseHeaders, type Operation } from './operation.js';
import { curlOf, samplesOf } from './samples.js';
import { componentSchemas, ref, type SchemaName } from './schemas.js';

const tags = {
  jobs: 'One picture each: submit, wait, watch, cancel.',
  batches: 'Many pictures at once.',
  webhooks: 'Deliveries: their log, and sending them again.',
  service: 'What tells of the service itself.',
  clients: 'For clients of Hugging Face, and of the Open Inference Protocol (KServe, Triton).',
};

/** Of events that tell of something else than a job. */
const bodies: Readonly<Record<string, SchemaName>> = {
  'batch.completed': 'BatchWebhookBody',
  'webhook.test': 'TestWebhookBody',
};

export type OpenApiDocument = Readonly<Record<string, unknown>>;

/** A row of the table of routes, as far as it is described here. */
interface DescribedRoute {
  readonly method: string;
  readonly path: string;
  readonly scope: Scope | 'open';
  readonly errors: ErrorForm;
  readonly operation: Operation | undefined;
}

interface ErrorForm {
  readonly mediaType: string;
  readonly schema: SchemaName;
  readonly status: (code: ErrorCode) => number;
}

/** Paths and their operations come in the order of `routes`. */
export function openApiDocument(version: string, routes: readonly DescribedRoute[]): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { method, path, operation, ...terms } of routes) {
    if (operation === undefined) continue;
    const call = curlOf(method, path, operation);
    paths[path] = { ...paths[path], [method]: describe(operation, terms, call) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Quintet',
      version,
      summary: 'Image classification as a service: a picture in, five labels out.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    webhooks: Object.fromEntries(
      deliveryEvents.map((event) => [
        event,
        {
          post: {
            operationId: `${event.replaceAll(/\.(\w)/g, (_dot, letter: string) => letter.toUpperCase())}Webhook`,
            security: [],
            summary: `Sent to webhook_url: ${event}. Signed as Standard Webhooks has it.`,
            requestBody: { content: { 'application/json': { schema: ref(bodies[event] ?? 'WebhookBody') } } },
            responses: { '2XX': { description: 'Taken. Everything else is tried again, except 410.' } },
          },
        },
      ]),
    ),
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key, where the service has keys.' },
      },
    },
  };
}

function describe(
  { id, tag, summary, description, parameters, body, answers, codes = [] }: Operation,
  { scope, errors }: Pick<DescribedRoute, 'scope' | 'errors'>,
  call: string,
): Record<string, unknown> {
  // Whoever speaks another protocol may say any Accept.
  const common = commonCodes.filter((code) => errors.schema === 'Problem' || code !== 'not_acceptable');
  const allCodes = [...new Set([...common, ...(scope === 'open' ? [] : accessCodes), ...codes])];
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(scope === 'open' ? { security: [] } : { security: [{}, { key: [] }], 'x-scope': scope }),
    'x-codeSamples': samplesOf(call),
    ...(parameters === undefined ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, ...body } }),
    responses: {
      ...failureAnswers(allCodes, errors),
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { description: text, content, headers }]) => [
          status,
          {
            description: text,
            ...(headers === undefined ? {} : { headers: headersOf(headers) }),
            ...(content === undefined ? {} : { content }),
          },
        ]),
      ),
    },
  };
}

/** Failures by status, each with the codes that it may have. */
function failureAnswers(
  codes: readonly ErrorCode[],
  { mediaType, schema, status }: ErrorForm,
): Record<string, unknown> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of [...codes].sort()) byStatus.set(status(code), [...(byStatus.get(status(code)) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${errorRegistry[code].title}.`).join(' '),
        ...(status === 429 || status === 503 ? { headers: headersOf(['Retry-After']) } : {}),
        'x-error-codes': codes,
        // One schema for all: a client that is generated has one class of it, not one for each operation and status.
        content: { [mediaType]: { schema: ref(schema) } },
      },
    ]),
  );
}

function headersOf(names: readonly (keyof typeof responseHeaders)[]): Record<string, unknown> {
  return Object.fromEntries(
    names.map((name) => [name, { description: responseHeaders[name], schema: { type: 'string' } }]),
  );
}

/** Kinds of body that pictures come in, by the name that is asked for, each with its media type in the document. */
export const bodyKinds = {
  form: 'multipart/form-data',
  json: 'application/json',
  raw: 'application/octet-stream',
} as const;

export type BodyKind = keyof typeof bodyKinds;

export function isBodyKind(name: string): name is BodyKind {
  return Object.hasOwn(bodyKinds, name);
}

interface Called {
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
}

/**
 * `document`, in which every operation that takes a body of this kind takes no other: generators of clients
 * take only the first kind that an operation has.
 */
export function withOneBody(document: OpenApiDocument, kind: BodyKind): OpenApiDocument {
  const mediaType = bodyKinds[kind];
  const alone = (operation: Called): Called => {
    const { requestBody } = operation;
    const taken = requestBody?.content[mediaType];
    return taken === undefined
      ? operation
      : { ...operation, requestBody: { ...requestBody, content: { [mediaType]: taken } } };
  };
  const paths = document['paths'] as Readonly<Record<string, Readonly<Record<string, Called>>>>;
  return {
    ...document,
    paths: Object.fromEntries(
      Object.entries(paths).map(([path, methods]) => [
        path,
        Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method, alone(operation)])),
      ]),
    ),
  };
}
