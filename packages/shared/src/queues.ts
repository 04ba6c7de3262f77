/** Names in Redis, and what travels through the queues. One place, so that no two services can disagree. */
import { z } from 'zod';
import { modelNameSchema } from './job.js';

/** The hash tag keeps every key in one slot of a Redis Cluster, which BullMQ's scripts and ours need. */
export const keyPrefix = '{quintet}';

export const webhookQueueName = 'webhooks';
export const fetchQueueName = 'fetch';

const classifyPrefix = 'classify-';

export function classifyQueueName(model: string): string {
  return classifyPrefix + model;
}

export const keys = {
  job: (id: string): string => `${keyPrefix}:job:${id}`,
  image: (id: string): string => `${keyPrefix}:image:${id}`,
  worker: (id: string): string => `${keyPrefix}:worker:${id}`,
  /** Hash of a batch, store/batch-store.ts. */
  batch: (id: string): string => `${keyPrefix}:batch:${id}`,
  /** List: job id, space, name, of every item of a batch in order. */
  batchItems: (id: string): string => `${keyPrefix}:batch:${id}:items`,
  /** List: index of each of the first items that failed. */
  batchErrors: (id: string): string => `${keyPrefix}:batch:${id}:errors`,
  /** List: job id, space, request id, of jobs that have ended and whose webhook delivery has no parent to start it. */
  outbox: `${keyPrefix}:outbox`,
  /** The same, of those that a webhook service is putting into its queue. */
  outboxMoving: `${keyPrefix}:outbox:moving`,
  /** Sorted set of worker ids, by the time of their first heartbeat in ms. */
  workers: `${keyPrefix}:workers`,
  /** Hash: model name → ModelRef as JSON, of every model that a worker has ever served. */
  models: `${keyPrefix}:models`,
} as const;

/** Channel on which the id of each job that ends is published, whatever its model and outcome. */
export const finishedChannel = `${keyPrefix}:finished`;

/** The work order in a classify queue: small, no image bytes. `deadline_ms`: Unix ms by which it must have started. */
export const classifyOrderSchema = z.object({
  id: z.string(),
  model: modelNameSchema,
  top_k: z.int(),
  min_score: z.number().optional(),
  deadline_ms: z.number().optional(),
  created_ms: z.number(),
  request_id: z.string(),
});
export type ClassifyOrder = z.infer<typeof classifyOrderSchema>;

/**
 * The order to fetch the picture of a job, in the one fetch queue of all models; the child of its classify order, which
 * therefore waits until it has ended. `deadline_ms` is the job's.
 */
export const fetchOrderSchema = z.object({
  id: z.string(),
  model: modelNameSchema,
  url: z.string(),
  created_ms: z.number(),
  deadline_ms: z.number().optional(),
  request_id: z.string(),
});
export type FetchOrder = z.infer<typeof fetchOrderSchema>;

/** The delivery order in the webhook queue; the parent of its classify job, so it starts when that has ended. */
export const deliveryOrderSchema = z.object({
  id: z.string(),
  request_id: z.string(),
  /** What `id` is the id of. */
  kind: z.enum(['job', 'batch', 'test']).default('job'),
});
export type DeliveryOrder = z.input<typeof deliveryOrderSchema>;

/** BullMQ job ids. A delivery and a fetch have their own, as they may not share one in logs. */
export function deliveryId(jobId: string): string {
  return `msg_${jobId}`;
}
export function fetchId(jobId: string): string {
  return `fetch_${jobId}`;
}

interface Retention {
  readonly age: number;
  readonly count: number;
}

export interface ClassifyJobPolicy {
  readonly attempts: number;
  readonly backoff: { readonly type: 'exponential'; readonly delay: number; readonly jitter: number };
  readonly removeOnComplete: Retention;
  readonly removeOnFail: Retention;
}

/**
 * How BullMQ treats a classify job. It forgets an ended one soon: the job's record (store/job-store.ts), whose keys
 * expire by themselves, is what clients read.
 */
export const classifyJobPolicy: ClassifyJobPolicy = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 500, jitter: 0.5 },
  removeOnComplete: { age: 60, count: 1000 },
  removeOnFail: { age: 3600, count: 1000 },
};

export interface DeliveryJobPolicy {
  readonly attempts: number;
  readonly backoff: { readonly type: 'custom' };
  readonly removeOnComplete: Retention;
  readonly removeOnFail: Retention;
}

/**
 * How BullMQ treats a delivery. The schedule (WEBHOOK_SCHEDULE_SECONDS, 32 entries at most) decides when it ends;
 * `attempts` only has to be larger. Ended deliveries are kept a day, failed ones a week, for whoever has to find out.
 */
export const deliveryJobPolicy: DeliveryJobPolicy = {
  attempts: 40,
  backoff: { type: 'custom' },
  removeOnComplete: { age: 86_400, count: 10_000 },
  removeOnFail: { age: 604_800, count: 10_000 },
};
