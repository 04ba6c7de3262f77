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
  /** Stream of the ids of an owner's jobs, or of all where none is given; store/job-list.ts. */
  jobs: (owner?: string): string => `${keyPrefix}:jobs${owner === undefined ? '' : `:of:${encodeURIComponent(owner)}`}`,
  image: (id: string): string => `${keyPrefix}:image:${id}`,
  worker: (id: string): string => `${keyPrefix}:worker:${id}`,
  /** Sorted set of a client's open jobs; kept for clients that may have only so many (store/open-jobs.ts). */
  open: (client: string): string => `${keyPrefix}:open:${client}`,
  /** Begin of the counters of requests, for clients that may make only so many. */
  rate: `${keyPrefix}:rate`,
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
  /** Never there: who asks whether Redis takes writes removes it (service/readiness.ts). */
  readiness: `${keyPrefix}:readiness`,
  /** Sorted set of worker ids, by the time of their first heartbeat in ms. */
  workers: `${keyPrefix}:workers`,
  /** Hash: model name → ModelRef as JSON, of every model that a worker has ever served. */
  models: `${keyPrefix}:models`,
  /** Hash: model name → its classes as JSON, beside the one above. */
  labels: `${keyPrefix}:labels`,
  /** Name of the model that jobs without one were for, when a worker served it last. */
  defaultModel: `${keyPrefix}:default-model`,
  /** An answer as JSON, by what `resultName` makes (store/result-cache.ts). */
  result: (name: string): string => `${keyPrefix}:result:${name}`,
  /** Id of the job that computes this result now. */
  inferring: (name: string): string => `${keyPrefix}:inferring:${name}`,
  /** All values that the model returned for a job, float32; store/output-store.ts. */
  output: (id: string): string => `${keyPrefix}:output:${id}`,
  /** What an Idempotency-Key stands for (store/idempotency-store.ts). */
  idempotency: (hash: string): string => `${keyPrefix}:idempotency:${hash}`,
  /** Two strings that tell of the jobs that ended within a minute; store/ended-jobs.ts. */
  ended: [`${keyPrefix}:ended:even`, `${keyPrefix}:ended:odd`],
  /** Never there: given to a script in the place of a key that it has no use for. */
  none: `${keyPrefix}:none`,
  /** Sorted set of the jobs that must start in time and have not ended: id, by its deadline in Unix ms. */
  deadlines: `${keyPrefix}:deadlines`,
  /** What is kept of a delivery, and the list of its attempts; store/delivery-log.ts. */
  delivery: (id: string): string => `${keyPrefix}:delivery:${id}`,
  deliveryAttempts: (id: string): string => `${keyPrefix}:delivery:${id}:attempts`,
  /** Sorted set of delivery ids, by when they came into `state`: of one owner, or of all where none is given. */
  deliveries: (state: string, owner?: string): string =>
    `${keyPrefix}:deliveries:${owner === undefined ? 'all' : `of:${encodeURIComponent(owner)}`}:${state}`,
  /** There while the endpoint with this fingerprint (store/disabled-endpoints.ts) is sent nothing. */
  disabledEndpoint: (fingerprint: string): string => `${keyPrefix}:endpoint-disabled:${fingerprint}`,
} as const;

/** Channel on which the id of each job that ends is published, whatever its model and outcome. */
export const finishedChannel = `${keyPrefix}:finished`;

/** Channel on which a worker publishes `<id> <Unix ms>` of each order that it begins. */
export const startedChannel = `${keyPrefix}:started`;

/** Channel on which the id of each job that a client canceled is published, for the worker that may hold it. */
export const canceledChannel = `${keyPrefix}:canceled`;

/**
 * How the answer to an order may be shared with others (store/result-cache.ts). `digest` is the SHA-256 of the picture's bytes in
 * hex; absent where the API never had them, and the worker computes it. `fresh`: no other job's answer will do.
 */
export const sharingTermsSchema = z.object({
  scope: z.string(),
  digest: z.string().optional(),
  fresh: z.boolean().optional(),
});
export type SharingTerms = z.infer<typeof sharingTermsSchema>;

/**
 * The work order in a classify queue: small, no image bytes. `deadline_ms`: Unix ms by which it must have started. Without
 * `sharing` the order is answered by itself, and its answer is not kept for others.
 */
export const classifyOrderSchema = z.object({
  id: z.string(),
  model: modelNameSchema,
  top_k: z.int(),
  min_score: z.number().optional(),
  deadline_ms: z.number().optional(),
  created_ms: z.number(),
  request_id: z.string(),
  sharing: sharingTermsSchema.optional(),
  /** The most likely class is to be explained. */
  explain: z.boolean().optional(),
  /** Its picture is fetched from an address before it starts: the image key is not there from the beginning. */
  fetched: z.boolean().optional(),
  /** In place of a picture there are the values of one row of the model's input, float32, little-endian. */
  tensor: z.boolean().optional(),
  /** Somebody waits for all that the model returns, not only for its best labels (store/output-store.ts). */
  output: z.boolean().optional(),
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

/** What a delivery tells of, and so how its message is made. */
export const deliveryKinds = ['job', 'batch', 'test'] as const;
export const deliveryKindSchema = z.enum(deliveryKinds);
export type DeliveryKind = z.infer<typeof deliveryKindSchema>;

/**
 * The delivery order in the webhook queue; that of a job is the parent of its classify job, so it starts when that has
 * ended. `id` is of what it tells of: a job, or a test.
 */
export const deliveryOrderSchema = z.object({
  kind: deliveryKindSchema.default('job'),
  id: z.string(),
  request_id: z.string(),
});
/** As it is written: without a kind it is of a job. */
export type DeliveryOrder = z.input<typeof deliveryOrderSchema>;
/** As it is read: with its kind filled in. */
export type ParsedDeliveryOrder = z.output<typeof deliveryOrderSchema>;

/**
 * The id of the delivery that tells of `id`: its `webhook-id` on every attempt, and its entry in the queue. A delivery and a
 * fetch have their own, as they may not share one in logs.
 */
export function deliveryId(id: string): string {
  return `msg_${id}`;
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

export interface FetchJobPolicy {
  readonly attempts: number;
  readonly backoff: { readonly type: 'custom' };
  readonly removeOnComplete: Retention;
  readonly removeOnFail: Retention;
}

/** How BullMQ treats a fetch. The worker chooses the delays, as the server that has the picture may ask for one. */
export const fetchJobPolicy: FetchJobPolicy = {
  attempts: 3,
  backoff: { type: 'custom' },
  removeOnComplete: { age: 60, count: 1000 },
  removeOnFail: { age: 3600, count: 1000 },
};

/** The queue entry of a delivery that is sent again by hand; the first one may still be in the queue. */
export function redeliveryEntryId(nonce: string): string {
  return `redeliver_${nonce}`;
}

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

/** As above, but somebody waits to see what becomes of a test: it is tried once. */
export function deliveryPolicyOf(kind: DeliveryKind): DeliveryJobPolicy {
  return kind === 'test' ? { ...deliveryJobPolicy, attempts: 1 } : deliveryJobPolicy;
}
