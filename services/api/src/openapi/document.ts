/**
 * The OpenAPI 3.1 document, generated: schemas from zod (schemas.ts), failures from the error registry, operations from
 * operations-*.ts. docs/openapi.json is this document as committed; tests compare both with each other and with the routes
 * of the application.
 */
import { deliveryEvents } from '@quintet/shared';
import { curlOf } from './curl.js';
import { accessCodes, commonCodes, headersOf, problemAnswers, type Operation } from './operation.js';
import { batchOperations } from './operations-batches.js';
import { clientOperations } from './operations-clients.js';
import { correctionOperations } from './operations-corrections.js';
import { jobListOperations } from './operations-job-list.js';
import { jobOperations } from './operations-jobs.js';
import { serviceOperations } from './operations-service.js';
import { webhookOperations } from './operations-webhooks.js';
import { samplesOf } from './samples/index.js';
import { componentSchemas, ref, type SchemaName } from './schemas.js';

export const operations: readonly Operation[] = [
  ...jobOperations,
  ...jobListOperations,
  ...correctionOperations,
  ...batchOperations,
  ...webhookOperations,
  ...serviceOperations,
  ...clientOperations,
];

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

export function openApiDocument(version: string): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) };
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

function describe(operation: Operation): Record<string, unknown> {
  const { id, tag, summary, description, scope, parameters, body, answers, plainErrors, codes = [] } = operation;
  const common = commonCodes.filter((code) => plainErrors !== true || code !== 'not_acceptable');
  const ownCodes = [...new Set([...common, ...(scope === undefined ? [] : accessCodes), ...codes])];
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(scope === undefined ? { security: [] } : { security: [{}, { key: [] }], 'x-scope': scope }),
    'x-codeSamples': samplesOf(curlOf(operation)),
    ...(parameters === undefined ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, ...body } }),
    responses: {
      ...problemAnswers(ownCodes, plainErrors === true ? operation.path : undefined),
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
