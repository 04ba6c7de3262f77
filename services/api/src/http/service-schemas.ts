/** What the routes that tell of the service itself answer. */
import { croppingSchema, modelLabelsSchema, modelRefSchema, workerPresenceSchema } from '@quintet/shared';
import { z } from 'zod';

export const healthSchema = z.object({
  status: z.enum(['live', 'ready', 'not_ready']),
  reasons: z.array(z.string()).optional(),
});

export const indexSchema = z.object({
  service: z.literal('quintet'),
  version: z.string(),
  links: z.record(z.string(), z.string()),
  /** Why there is no page here. */
  hint: z.string().optional(),
});

export const modelListSchema = z.object({
  /** Absent before the first worker is ready, where DEFAULT_MODEL names none. */
  default: z.string().optional(),
  models: z.array(
    modelRefSchema.extend({
      /** Whether jobs may ask it to explain its answers. */
      explainable: z.boolean(),
      /** What it sees of a picture; absent where no worker has said so. */
      preprocess: croppingSchema.optional(),
      // Not `model`, which stands above, nor what changes with every heartbeat: /v1/operations tells that; for `tensors` see /v2.
      workers: z.array(workerPresenceSchema.omit({ model: true, rate: true, usage: true, tensors: true })),
    }),
  ),
});

export const labelListSchema = z.object({ model: z.string(), ...modelLabelsSchema.shape });
