/**
 * The batch as clients see it: many jobs that were submitted together, counted as they end.
 *
 * States: queued (no item has started) → processing → completed, or canceled by its client. Each item is a job like any other
 * and ends by itself; a batch has no outcome beyond the counts of its items'.
 * Invariant: the counts add up to `total`, and an item is counted once, where its one outcome is written (store/job-store.ts).
 */
import { z } from 'zod';
import { problemSchema } from './errors.js';
import { finalStatuses, jobSchema, jobStatuses, modelRefSchema, webhookEvents, webhookEventSchema } from './job.js';

export const batchStatuses = ['queued', 'processing', 'completed', 'canceled'] as const;
export type BatchStatus = (typeof batchStatuses)[number];

/** What a batch may tell its webhook of: its own end, and the ends of its items. */
export const batchWebhookEvents = ['batch.completed', ...webhookEvents] as const;
export const batchWebhookEventSchema = z.enum(batchWebhookEvents);
export type BatchWebhookEvent = z.infer<typeof batchWebhookEventSchema>;

/** Priority of items where the client names none: jobs that somebody waits for go first. */
export const batchPriority = 5;

/** Failed items that the batch itself shows; its results have them all. */
export const shownErrors = 20;

const timestamp = z.iso.datetime();
const count = z.int().min(0);

export const batchCountsSchema = z.object(
  Object.fromEntries(jobStatuses.map((status) => [status, count])) as Record<
    (typeof jobStatuses)[number],
    typeof count
  >,
);
export type BatchCounts = z.infer<typeof batchCountsSchema>;

/** A failed item. `index` is its place in the batch, from 0; `name` what its client called it. */
export const batchItemErrorSchema = z.object({
  index: count,
  name: z.string(),
  job_id: z.string(),
  error: problemSchema,
});
export type BatchItemError = z.infer<typeof batchItemErrorSchema>;

export const batchSchema = z.object({
  id: z.string(),
  status: z.enum(batchStatuses),
  model: modelRefSchema,
  created_at: timestamp,
  started_at: timestamp.optional(),
  finished_at: timestamp.optional(),
  total: count,
  counts: batchCountsSchema,
  /** Part of the items that have ended, 0 to 1. */
  progress: z.number().min(0).max(1),
  eta_seconds: z.number().min(0).optional(),
  errors: z.array(batchItemErrorSchema).max(shownErrors),
  metadata: z.record(z.string(), z.string()),
  links: z.object({ self: z.string(), results: z.string() }),
});
export type Batch = z.infer<typeof batchSchema>;

/** One item of a batch's results; `job` is absent where it is no longer kept. */
export const batchResultSchema = z.object({
  index: count,
  name: z.string(),
  job_id: z.string(),
  job: jobSchema.optional(),
});
export type BatchResult = z.infer<typeof batchResultSchema>;

/** The body of a batch's own webhook. Its results are not in it: they may be large, and are at `links.results`. */
export const batchWebhookBodySchema = z.object({
  type: z.literal('batch.completed'),
  timestamp,
  data: batchSchema,
});
export type BatchWebhookBody = z.infer<typeof batchWebhookBodySchema>;

/** What is kept of a submitted batch; the immutable half. */
export const batchRecordSchema = z.object({
  id: z.string(),
  model: modelRefSchema,
  created_at: timestamp,
  top_k: z.int(),
  metadata: z.record(z.string(), z.string()),
  /** `events` are those of items; `url` always hears of the end unless `batch` is false. */
  webhook: z.object({ url: z.string(), batch: z.boolean(), items: z.array(webhookEventSchema) }).optional(),
  /** Name of the client that submitted it; absent where clients have no names. */
  owner: z.string().optional(),
});
export type BatchRecord = z.infer<typeof batchRecordSchema>;

/** A batch as it is stored: the record and what has been counted. */
export interface StoredBatch {
  readonly record: BatchRecord;
  /** Number of items; undefined until every one of them is in its queue, which is when the batch exists for clients. */
  readonly total: number | undefined;
  readonly ended: Readonly<Record<(typeof finalStatuses)[number], number>>;
  /** When the first item was started, as far as one that has ended tells. */
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  readonly canceled: boolean;
}

/** How many items of a batch have ended. */
export function endedItems({ ended }: Pick<StoredBatch, 'ended'>): number {
  return finalStatuses.reduce((sum, status) => sum + ended[status], 0);
}

/** What only the queue knows of an unfinished batch. */
export interface BatchProgress {
  /** Items that workers hold now. */
  readonly processing: number;
  readonly etaSeconds?: number | undefined;
}

/** The batch that a client sees. */
export function presentBatch(
  stored: StoredBatch,
  errors: readonly BatchItemError[],
  { processing, etaSeconds }: BatchProgress = { processing: 0 },
): Batch {
  const { record, startedAt, finishedAt, canceled } = stored;
  const ended = endedItems(stored);
  const total = stored.total ?? ended;
  const running = Math.min(processing, total - ended);
  const started = ended > 0 || running > 0;
  const status = finishedAt === undefined ? (started ? 'processing' : 'queued') : canceled ? 'canceled' : 'completed';
  return {
    id: record.id,
    status,
    model: record.model,
    created_at: record.created_at,
    ...(startedAt === undefined ? {} : { started_at: startedAt }),
    ...(finishedAt === undefined ? {} : { finished_at: finishedAt }),
    total,
    counts: { queued: total - ended - running, processing: running, ...stored.ended },
    progress: total === 0 ? 1 : Math.round((10_000 * ended) / total) / 10_000,
    ...(etaSeconds === undefined || finishedAt !== undefined ? {} : { eta_seconds: etaSeconds }),
    errors: [...errors],
    metadata: record.metadata,
    links: { self: `/v1/batches/${record.id}`, results: `/v1/batches/${record.id}/results` },
  };
}
