/**
 * The schemas of the OpenAPI document, made from the zod schemas that check and produce the same values. OpenAPI 3.1 takes
 * JSON Schema 2020-12 as it is, which zod writes itself.
 *
 * What zod says beyond the contract is left out: bounds of JavaScript's integers, the pattern behind `date-time`, and
 * `additionalProperties: false` of answers, since a later version may answer more. For that reason the values of an answer's member
 * are listed as `x-extensible-enum`: a client that is generated with an `enum` fails at a value that it does not know. A `default` is
 * left to the descriptions, as generated clients send it, where the service may have another.
 */
import {
  batchResultSchema,
  batchSchema,
  batchWebhookEventSchema,
  batchWebhookEvents,
  batchWebhookBodySchema,
  correctionRequestSchema,
  deliverySchema,
  jobOptionsSchema,
  jobSchema,
  modelRefSchema,
  operationsSchema,
  predictionSchema,
  problemSchema,
  testBodySchema,
  webhookBodySchema,
} from '@quintet/shared';
import { z } from 'zod';
import { descriptions } from './descriptions.js';
import { examples } from './examples.js';
import * as shapes from './shapes.js';

type JsonSchema = Readonly<Record<string, unknown>>;

/** What is answered. */
export const answers = {
  Batch: batchSchema,
  BatchResult: batchResultSchema,
  BatchWebhookBody: batchWebhookBodySchema,
  Job: jobSchema,
  JobPage: z.object({ jobs: z.array(jobSchema), next_cursor: z.string().optional() }),
  ModelRef: modelRefSchema,
  Prediction: predictionSchema,
  Problem: problemSchema,
  TestWebhookBody: testBodySchema,
  WebhookBody: webhookBodySchema,
  Health: shapes.healthSchema,
  Delivery: deliverySchema,
  DeliveryList: z.object({ deliveries: z.array(deliverySchema) }),
  DeliveryPage: z.object({ deliveries: z.array(deliverySchema), next_cursor: z.string().optional() }),
  Index: shapes.indexSchema,
  LabelList: shapes.labelListSchema,
  ModelList: shapes.modelListSchema,
  Operations: operationsSchema,
  GradioLabel: shapes.gradioLabelSchema,
  InferResponse: shapes.inferResponseSchema,
  InferModel: shapes.inferModelSchema,
  InferModelConfig: shapes.inferModelConfigSchema,
  InferModelReady: shapes.inferModelReadySchema,
  InferServer: shapes.inferServerSchema,
  Labels: shapes.labelsSchema,
  PlainError: shapes.plainErrorSchema,
};

/** The options of a batch, as those of a job but for this one. */
const batchOptions = {
  ...jobOptionsSchema.shape,
  webhook_events: z.array(batchWebhookEventSchema).min(1).max(batchWebhookEvents.length).optional(),
};

/** What is asked. Names of options are those of the query, too (operation.ts). */
export const requests = {
  BatchItem: shapes.batchItemSchema,
  BatchRequest: z.strictObject({
    items: z.array(shapes.batchItemSchema).optional(),
    image_urls: z.array(z.url()).optional(),
    ...batchOptions,
  }),
  CorrectionRequest: correctionRequestSchema,
  InferRequest: shapes.inferRequestSchema,
  LabelRequest: shapes.labelRequestSchema,
  JobRequest: z.strictObject({
    image_base64: z.string().optional(),
    image_url: z.url().optional(),
    ...jobOptionsSchema.shape,
  }),
  WebhookTest: jobOptionsSchema.pick({ webhook_url: true }).required(),
};

export type SchemaName = keyof typeof answers | keyof typeof requests;

/** A reference to a schema of this document. */
export function ref(name: SchemaName): { $ref: string } {
  return { $ref: address(name) };
}

function address(name: string): string {
  return `#/components/schemas/${name}`;
}

/** `components.schemas`, by name. */
export function componentSchemas(): Record<string, JsonSchema> {
  return Object.fromEntries(
    [...convert(answers, 'output'), ...convert(requests, 'input')].sort(([a], [b]) => a.localeCompare(b)),
  );
}

function convert(schemas: Readonly<Record<string, z.ZodType>>, io: 'input' | 'output'): [string, JsonSchema][] {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const { schemas: converted } = z.toJSONSchema(registry, {
    uri: address,
    io,
    override: ({ zodSchema, jsonSchema }) => {
      if (jsonSchema.format === 'date-time' || jsonSchema.format === 'uri') delete jsonSchema.pattern;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      delete jsonSchema.default;
      if (io === 'input') return;
      if (zodSchema._zod.def.type === 'object') delete jsonSchema.additionalProperties;
      const { enum: values } = jsonSchema;
      if (values === undefined) return;
      delete jsonSchema.enum;
      jsonSchema['x-extensible-enum'] = values;
    },
  });
  return Object.entries(converted).map(([name, { $schema: _dialect, $id: _address, ...schema }]) => [
    name,
    { ...withDescriptions(schema, name), ...(name in examples ? { examples: [examples[name]] } : {}) },
  ]);
}

/** `schema` with what descriptions.ts says of its members; `path` is that of the schema there. */
function withDescriptions(schema: JsonSchema, path: string): JsonSchema {
  const { properties, items } = schema as { properties?: Record<string, JsonSchema>; items?: JsonSchema };
  return {
    ...schema,
    ...(properties === undefined ? {} : { properties: describeMembers(properties, path) }),
    ...(items === undefined ? {} : { items: withDescriptions(items, path) }),
  };
}

function describeMembers(properties: Readonly<Record<string, JsonSchema>>, path: string): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, member]) => {
      const description = descriptions[`${path}.${name}`];
      const described = withDescriptions(member, `${path}.${name}`);
      return [name, description === undefined ? described : { ...described, description }];
    }),
  );
}
