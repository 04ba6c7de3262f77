/**
 * From a batch's order to what is sent. The order is the parent of the batch's items, made with the first of them; it becomes active
 * whenever those that it has so far have ended in BullMQ's eyes, which may be before the rest is there:
 *
 *   not sealed             → look again; after `abandonedMs` the API that made it has died: nobody was answered, so its items
 *                            are canceled and nothing is sent
 *   items open             → back to waiting for them; where none is left in a queue, their workers died: they fail here
 *   ended                  → the event batch.completed
 *   no record              → dropped
 */
import {
  presentBatch,
  workerLost,
  type BatchItemError,
  type BatchStore,
  type BatchWebhookBody,
  type JobStore,
  type Logger,
  type Outcome,
  type StoredBatch,
} from '@quintet/shared';
import { maxBodyBytes, type Prepared } from './prepared.js';

/** An API seals within seconds of the first item, or not at all. */
const abandonedMs = 60_000;
const chunkLength = 50;

export interface BatchMessageSource {
  readonly store: Pick<JobStore, 'finish'>;
  readonly batches: Pick<BatchStore, 'read' | 'items' | 'failed' | 'jobs'>;
  readonly retentionSeconds: number;
  readonly now: () => Date;
}

export async function prepareBatchMessage(id: string, source: BatchMessageSource, logger: Logger): Promise<Prepared> {
  const stored = await source.batches.read(id);
  const webhook = stored?.record.webhook;
  if (stored === undefined || webhook === undefined) {
    logger.warn('delivery dropped: the batch is no longer kept');
    return { ended: 'dropped' };
  }
  const { total, finishedAt, record } = stored;
  if (total === undefined) {
    if (source.now().getTime() - Date.parse(record.created_at) < abandonedMs) return { wait: {} };
    logger.warn('delivery dropped: the batch was never complete');
    await endOpenItems(id, { status: 'canceled', finished_at: source.now().toISOString() }, source);
    return { ended: 'dropped' };
  }
  if (finishedAt === undefined) {
    return {
      wait: {
        noneLeft: async () => {
          logger.error('items of the batch ended without an outcome');
          await endOpenItems(id, workerLost(source.now()), source);
        },
      },
    };
  }
  const errors = await firstErrors(id, source);
  const body = composeBatchBody(stored, finishedAt, errors, logger);
  return { message: { url: webhook.url, type: 'batch.completed', body }, owner: record.owner };
}

/** The store lets an outcome be written once: items that have one keep it. */
async function endOpenItems(id: string, outcome: Outcome, { store, batches, retentionSeconds }: BatchMessageSource) {
  for (let from = 0; ; from += chunkLength) {
    const items = await batches.items(id, from, chunkLength);
    if (items.length === 0) return;
    await Promise.all(items.map(({ jobId }) => store.finish(jobId, outcome, retentionSeconds)));
  }
}

async function firstErrors(id: string, { batches }: BatchMessageSource): Promise<BatchItemError[]> {
  const failed = await batches.failed(id);
  const jobs = await batches.jobs(failed.map(({ jobId }) => jobId));
  return failed.flatMap(({ index, name, jobId }, at) => {
    const error = jobs[at]?.outcome?.error;
    return error === undefined ? [] : [{ index, name, job_id: jobId, error }];
  });
}

/** The raw body; as many of the errors as fit, and the metadata if that does. */
export function composeBatchBody(
  stored: StoredBatch,
  timestamp: string,
  errors: readonly BatchItemError[],
  logger: Logger,
): string {
  for (let kept = errors.length; ; kept -= 1) {
    const data = presentBatch(stored, errors.slice(0, Math.max(0, kept)));
    const body: BatchWebhookBody = { type: 'batch.completed', timestamp, data };
    const text = JSON.stringify(kept < 0 ? { ...body, data: { ...data, metadata: {} } } : body);
    if (Buffer.byteLength(text) < maxBodyBytes || kept < 0) {
      if (kept < errors.length)
        logger.warn({ kept: Math.max(0, kept) }, 'webhook body too long: sent with fewer errors');
      return text;
    }
  }
}
