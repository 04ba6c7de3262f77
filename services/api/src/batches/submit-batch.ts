/**
 * Acceptance of a staged batch: records, queue entries, and at last the seal that makes it exist.
 *
 *   staged → (room for its jobs taken) → open (record and names) → items queued, a chunk at a time → sealed → answered 202
 * Invariant: whoever was answered sees every item queued. A process that dies before the seal was answered nothing: what is
 * open expires, queued items run for nobody and expire, and a delivery above them finds no sealed batch and cancels them.
 * Trade-off: BullMQ makes one transaction of what it is given at once, packed in one turn of our event loop and run by Redis
 * without a pause. In chunks, everybody else is served in between, and it takes no longer. The delivery is made with the
 * first chunk, and waits for the rest of its children by itself (webhooks: message.ts).
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  ProblemError,
  resultScope,
  type BatchRecord,
  type BatchStore,
  type ClassifyOrder,
  type DeliveryOrder,
  type JobRecord,
  type JobStore,
  type OpenLease,
  type SharingTerms,
} from '@quintet/shared';
import { asRedisProblem, checkWebhook, fetchOrder, redisUnavailable } from '../jobs/index.js';
import type { Admission, Client, Lease, ModelDirectory, QueuedOrder, Queues } from '../jobs/index.js';
import type { Submission, WebhookTargetContext } from '../jobs/index.js';
import { webhookOf, type BatchOptions } from './batch-options.js';
import type { BatchStaging, StagedItem, StagingContext } from './staging.js';

/** Items that are given to BullMQ at once: some ms. */
const chunkLength = 25;

export interface SubmitBatchContext extends StagingContext, WebhookTargetContext {
  readonly jobs: Pick<JobStore, 'stageImage' | 'finish'>;
  readonly batches: Pick<BatchStore, 'discard' | 'open' | 'keepItems' | 'seal'>;
  readonly queues: Pick<Queues, 'addItems' | 'addDelivery'>;
  readonly models: Pick<ModelDirectory, 'resolve'>;
  readonly admission: Pick<Admission, 'admit'>;
  readonly queueTtlSeconds: number;
  readonly resultTtlSeconds: number;
  /** Whether answers are shared between jobs with the same picture. */
  readonly sharesAnswers: boolean;
}

/** Who submits, and on which terms. */
export interface BatchSubmission {
  readonly requestId: string;
  readonly client: Client;
  readonly caching: Submission['caching'];
  /** The places of its items among the jobs that the client may have open; undefined where it may have any number. */
  readonly places: OpenLease | undefined;
  /** Of the Idempotency-Key that it is submitted under. */
  readonly lease: Lease | undefined;
}

/** Accepts the batch. Throws ProblemError where it may not be; the caller discards the staging then. */
export async function submitBatch(
  context: SubmitBatchContext,
  staging: BatchStaging,
  options: BatchOptions,
  { requestId, client, caching, places, lease }: BatchSubmission,
): Promise<BatchRecord> {
  const { id, items } = staging;
  if (items.length === 0) throw new ProblemError('batch_empty', 'The batch has no pictures.');
  await checkWebhook(context, { options, client });
  const model = await context.models.resolve(options.model, options.explain);
  await context.admission.admit(model.name, items.filter(({ problem }) => problem === undefined).length);

  await staging.takeRoomForJobs();

  const createdMs = Date.now();
  const webhook = webhookOf(options);
  const batch: BatchRecord = {
    id,
    model,
    created_at: new Date(createdMs).toISOString(),
    top_k: options.top_k,
    metadata: options.metadata ?? {},
    ...(webhook === undefined ? {} : { webhook }),
    ...(client.name === undefined ? {} : { owner: client.name }),
  };
  const sharing: SharingTerms | undefined =
    context.sharesAnswers && caching.store
      ? { scope: resultScope(client.name), ...(caching.reuse ? {} : { fresh: true }) }
      : undefined;
  const plan: Plan = { batch, options, createdMs, requestId, places, sharing };
  lease?.check();
  try {
    await context.batches.open(batch, items);
    await queueItems(context, plan, items);
    await context.batches.seal(id, items.length, context.queueTtlSeconds, context.resultTtlSeconds);
  } catch (error) {
    const problem = asRedisProblem(error);
    throw problem instanceof ProblemError ? problem : redisUnavailable(error);
  }
  return batch;
}

interface Plan {
  readonly batch: BatchRecord;
  readonly options: BatchOptions;
  readonly createdMs: number;
  readonly requestId: string;
  readonly places: OpenLease | undefined;
  readonly sharing: SharingTerms | undefined;
}

async function queueItems(context: SubmitBatchContext, plan: Plan, items: readonly StagedItem[]): Promise<void> {
  const { batch, options, requestId } = plan;
  const delivery: DeliveryOrder | undefined =
    batch.webhook?.batch === true ? { kind: 'batch', id: batch.id, request_id: requestId } : undefined;
  const notify = (batch.webhook?.items.length ?? 0) > 0 ? requestId : undefined;
  let attach = false;
  for (let from = 0; from < items.length; from += chunkLength) {
    const chunk = items.slice(from, from + chunkLength);
    await context.batches.keepItems(
      chunk.map((item) => recordOf(plan, item)),
      from,
      { queueSeconds: context.queueTtlSeconds, resultSeconds: context.resultTtlSeconds },
      notify,
    );
    const orders = chunk.filter(({ problem }) => problem === undefined).map((item) => queuedOrderOf(plan, item));
    // Before they are in a queue: a job must not end before it is counted.
    await plan.places?.keep(
      context.queueTtlSeconds,
      chunk.map(({ jobId }) => jobId),
    );
    await context.queues.addItems(orders, options.priority, delivery && { order: delivery, attach });
    attach ||= orders.length > 0;
    const finished_at = new Date().toISOString();
    await Promise.all(
      chunk.flatMap(({ jobId, problem: error }) =>
        error === undefined
          ? []
          : [context.jobs.finish(jobId, { status: 'failed', finished_at, error }, context.resultTtlSeconds)],
      ),
    );
    await nextTurn();
  }
  if (delivery !== undefined && !attach) await context.queues.addDelivery(delivery);
}

function deadlineOf({ options, createdMs }: Plan): { deadline_ms?: number } {
  return options.ttl_seconds === undefined ? {} : { deadline_ms: Math.ceil(createdMs + 1000 * options.ttl_seconds) };
}

function recordOf(plan: Plan, { jobId, metadata }: StagedItem): JobRecord {
  const { batch } = plan;
  return {
    id: jobId,
    model: batch.model,
    created_at: batch.created_at,
    metadata: { ...metadata },
    batch: batch.id,
    ...(batch.owner === undefined ? {} : { owner: batch.owner }),
    ...deadlineOf(plan),
    ...(batch.webhook === undefined || batch.webhook.items.length === 0
      ? {}
      : { webhook: { url: batch.webhook.url, events: batch.webhook.items } }),
  };
}

/** Without a digest: a batch's pictures pass the API as they come, and the worker computes it. */
function queuedOrderOf(plan: Plan, { jobId, url }: StagedItem): QueuedOrder {
  const { batch, options, createdMs, requestId, sharing } = plan;
  const order: ClassifyOrder = {
    id: jobId,
    model: batch.model.name,
    top_k: options.top_k,
    created_ms: createdMs,
    request_id: requestId,
    ...(options.min_score === undefined ? {} : { min_score: options.min_score }),
    ...(options.explain === true ? { explain: true } : {}),
    ...deadlineOf(plan),
    ...(sharing === undefined ? {} : { sharing }),
    ...(url === undefined ? {} : { fetched: true }),
  };
  return { order, fetch: url === undefined ? undefined : fetchOrder(order, url) };
}
