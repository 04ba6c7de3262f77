/** What the routes of other protocols take and answer, for the OpenAPI document. */
import { errorCodes } from '@quintet/shared';
import { z } from 'zod';

export const plainErrorSchema = z.object({ error: z.string(), code: z.enum(errorCodes), request_id: z.string() });

export const labelRequestSchema = z.strictObject({
  /** Base64, or an address. */
  inputs: z.string(),
  parameters: z
    .strictObject({
      top_k: z.int().min(1).max(20).optional(),
      function_to_apply: z.enum(['softmax', 'sigmoid', 'none']).optional(),
    })
    .optional(),
  /** Hints of older clients, which are ignored. */
  options: z.record(z.string(), z.unknown()).optional(),
});

export const labelsSchema = z.array(z.object({ label: z.string(), score: z.number() }));

export const gradioLabelSchema = z.object({
  label: z.string().nullable(),
  confidences: z.array(z.object({ label: z.string(), confidence: z.number() })),
});

const described = z.object({ name: z.string(), datatype: z.literal('FP32'), shape: z.array(z.int()) });

export const inferServerSchema = z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) });

export const inferModelSchema = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(described),
  outputs: z.array(described),
});

export const inferModelReadySchema = z.object({ name: z.string(), ready: z.boolean() });

const configured = z.object({ name: z.string(), data_type: z.literal('TYPE_FP32'), dims: z.array(z.int()) });

export const inferModelConfigSchema = z.object({
  name: z.string(),
  platform: z.string(),
  max_batch_size: z.int(),
  input: z.array(configured.extend({ format: z.enum(['FORMAT_NCHW', 'FORMAT_NHWC']) })),
  output: z.array(configured),
});

export const inferResponseSchema = z.object({
  id: z.string().optional(),
  model_name: z.string(),
  model_version: z.string().optional(),
  outputs: z.array(
    z.object({
      name: z.string(),
      datatype: z.enum(['FP32', 'BYTES']),
      shape: z.array(z.int()),
      parameters: z.object({ binary_data_size: z.int() }).optional(),
      data: z.array(z.union([z.number(), z.string()])).optional(),
    }),
  ),
});
