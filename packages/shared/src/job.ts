/**
 * The job as clients see it: one shape for submit, read, events and webhooks (docs/api.md).
 *
 * States: queued → processing → succeeded | failed | canceled | expired; queued may also go straight to canceled or
 * expired, and processing may go back to queued when the worker that held the job is lost.
 * Invariant: of the four final states a job reaches exactly one, once (store/job-store.ts holds it).
 * Fields that do not apply yet are absent, never null.
 */
import { z } from 'zod';
import { correctionSchema, type Correction } from './correction.js';
import { problem, problemSchema } from './errors.js';
import { explanationSchema } from './explanation.js';

export const finalStatuses = ['succeeded', 'failed', 'canceled', 'expired'] as const;
export const jobStatuses = ['queued', 'processing', ...finalStatuses] as const;

export const finalStatusSchema = z.enum(finalStatuses);
export type FinalStatus = z.infer<typeof finalStatusSchema>;
export const jobStatusSchema = z.enum(jobStatuses);
export type JobStatus = z.infer<typeof jobStatusSchema>;

export const webhookEvents = ['job.succeeded', 'job.failed', 'job.canceled', 'job.expired'] as const;
export const webhookEventSchema = z.enum(webhookEvents);
export type WebhookEvent = z.infer<typeof webhookEventSchema>;

export const modelNamePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** A model's name: also a folder of the model repository and the end of a queue's name. */
export const modelNameSchema = z.string().regex(modelNamePattern, 'expected a model name such as resnet50');

export const weightsSchema = z.enum(['pretrained', 'demo']);
export type Weights = z.infer<typeof weightsSchema>;

/** Which model answers; version and weights are absent while no worker has announced the model yet. */
export const modelRefSchema = z.object({
  name: modelNameSchema,
  version: z.string().optional(),
  weights: weightsSchema.optional(),
});
export type ModelRef = z.infer<typeof modelRefSchema>;

/**
 * Texts that a client gives, by names of its own. Zod leaves a name `__proto__` out without a word, and complains of every entry
 * that is wrong, however many there are. So both are refused before it looks.
 */
const mostEntries = 16;
const metadataSchema = z.preprocess(
  (value) => {
    if (typeof value !== 'object' || value === null) return value;
    return Object.hasOwn(value, '__proto__') || Object.keys(value).length > mostEntries ? null : value;
  },
  z
    .record(z.string().min(1).max(64), z.string().max(512))
    // A webhook's body may have 20 kB, and everything else in it fits beside this.
    .refine((map) => Buffer.byteLength(JSON.stringify(map)) <= 8192, 'expected at most 8192 bytes as JSON'),
);

/** What a client may ask for beside the picture. Unknown names are refused. */
export const jobOptionsSchema = z.strictObject({
  model: modelNameSchema.optional(),
  top_k: z.int().min(1).max(20).default(5),
  min_score: z.number().min(0).max(1).optional(),
  explain: z.boolean().optional(),
  webhook_url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional(),
  webhook_events: z.array(webhookEventSchema).min(1).max(webhookEvents.length).optional(),
  ttl_seconds: z.number().positive().max(604_800).optional(),
  priority: z.int().min(0).max(10).default(0),
  metadata: metadataSchema.optional(),
});
export type JobOptions = z.infer<typeof jobOptionsSchema>;

export const predictionSchema = z.object({
  label: z.string(),
  wnid: z.string(),
  index: z.int().min(0),
  /** Softmax probability, 0 to 1. */
  score: z.number().min(0).max(1),
});
export type Prediction = z.infer<typeof predictionSchema>;

/** Milliseconds spent in each phase; `total` is from acceptance by the API to the result. */
export const timingSchema = z.object({
  queue: z.number(),
  fetch: z.number(),
  preprocess: z.number(),
  batch_wait: z.number(),
  inference: z.number(),
  total: z.number(),
});
export type Timing = z.infer<typeof timingSchema>;

const timestamp = z.iso.datetime();

/** What the end of a job adds to it. */
const resultShape = {
  predictions: z.array(predictionSchema).optional(),
  timing_ms: timingSchema.optional(),
  batch_size: z.int().min(1).optional(),
  worker: z.string().optional(),
  device: z.string().optional(),
  /** Where another job's answer to the same bytes was given: a stored one, or that of a job that was under way. */
  cache: z.enum(['hit', 'coalesced']).optional(),
  error: problemSchema.optional(),
  /** Where it was asked for, and there is a prediction to explain. */
  explanation: explanationSchema.optional(),
};

/** How a job ended: written once, by whoever ends it. */
export const outcomeSchema = z.object({
  status: finalStatusSchema,
  model: modelRefSchema.optional(),
  started_at: timestamp.optional(),
  finished_at: timestamp,
  ...resultShape,
});
export type Outcome = z.infer<typeof outcomeSchema>;

/** Of a job that waits for a worker. */
export const queueSchema = z.object({
  /** Jobs that go before it; 0 is next. An estimate that is half a second old at most. */
  position: z.int().min(0),
  /** Seconds until it has ended, at the rate of the workers that live; absent while the queue stands, or the picture is not there yet. */
  eta_seconds: z.number().min(0).optional(),
});
export type QueuePlace = z.infer<typeof queueSchema>;

export const jobSchema = z.object({
  id: z.string(),
  status: jobStatusSchema,
  model: modelRefSchema,
  created_at: timestamp,
  started_at: timestamp.optional(),
  finished_at: timestamp.optional(),
  queue: queueSchema.optional(),
  metadata: z.record(z.string(), z.string()),
  /** The batch that it is an item of. */
  batch: z.string().optional(),
  links: z.object({
    self: z.string(),
    events: z.string().optional(),
    /** The heat map of the explanation, as a PNG. */
    explanation: z.string().optional(),
  }),
  ...resultShape,
  /** What its client says that it shows, where it was told. */
  correction: correctionSchema.optional(),
});
export type Job = z.infer<typeof jobSchema>;

/** The body of a webhook (Standard Webhooks: type, timestamp, data). */
export const webhookBodySchema = z.object({ type: webhookEventSchema, timestamp, data: jobSchema });
export type WebhookBody = z.infer<typeof webhookBodySchema>;

/**
 * How a job ends whose workers died before one could write an outcome: by whoever finds it so, the API, a worker or the
 * webhook service. The store lets the first decide.
 */
export function workerLost(finishedAt: Date): Outcome {
  const error = problem('worker_lost', 'Every worker that took this job died before it finished.');
  return { status: 'failed', finished_at: finishedAt.toISOString(), error };
}

/** What is kept of a submission until its job's retention ends; the immutable half of a job. */
export const jobRecordSchema = z.object({
  id: z.string(),
  model: modelRefSchema,
  created_at: timestamp,
  metadata: z.record(z.string(), z.string()),
  webhook: z.object({ url: z.string(), events: z.array(webhookEventSchema).optional() }).optional(),
  /** Name of the client that submitted it, who alone may read it; absent where clients have no names. */
  owner: z.string().optional(),
  /** Unix ms by which it must have started, from ttl_seconds. */
  deadline_ms: z.number().optional(),
  /** The batch that it is an item of. */
  batch: z.string().optional(),
});
export type JobRecord = z.infer<typeof jobRecordSchema>;

/** How far an unfinished job is, as the queue tells it. */
export interface Progress {
  readonly status: 'queued' | 'processing';
  readonly startedAt?: Date;
  /** Where a queued job stands. */
  readonly queue?: QueuePlace | undefined;
}

/** The job that a client sees: a record with its outcome and what corrects it, or with its progress while there is none. */
export function presentJob(
  record: JobRecord,
  state: { outcome: Outcome; correction?: Correction | undefined } | { progress: Progress },
): Job {
  const correction = 'outcome' in state ? state.correction : undefined;
  const {
    status,
    model,
    started_at,
    finished_at,
    ...result
  }: Omit<Partial<Outcome>, 'status'> & Pick<Job, 'status' | 'queue'> =
    'outcome' in state ? state.outcome : presentProgress(state.progress);
  return {
    id: record.id,
    status,
    model: model ?? record.model,
    created_at: record.created_at,
    ...(started_at === undefined ? {} : { started_at }),
    ...(finished_at === undefined ? {} : { finished_at }),
    ...result,
    ...(correction === undefined ? {} : { correction }),
    metadata: record.metadata,
    ...(record.batch === undefined ? {} : { batch: record.batch }),
    links: {
      self: `/v1/jobs/${record.id}`,
      events: `/v1/jobs/${record.id}/events`,
      ...(result.explanation === undefined ? {} : { explanation: `/v1/jobs/${record.id}/explanation.png` }),
    },
  };
}

function presentProgress(progress: Progress): Pick<Job, 'status' | 'started_at' | 'queue'> & { model?: ModelRef } {
  const { status, startedAt, queue } = progress;
  return {
    status,
    ...(startedAt === undefined ? {} : { started_at: startedAt.toISOString() }),
    ...(queue === undefined ? {} : { queue }),
  };
}

export function isFinal(status: JobStatus): status is FinalStatus {
  return (finalStatuses as readonly string[]).includes(status);
}
