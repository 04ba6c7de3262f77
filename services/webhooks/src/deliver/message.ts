/**
 * From an order to what is sent, by the kind of what it tells of. The order of a job becomes active when its classify job has
 * ended in BullMQ's eyes:
 *
 *   outcome written        → the event job.<status>
 *   no outcome             → every worker that ran the job died before it could write one. It ends here as failed
 *                            (worker_lost), by the store's own rule: whoever writes first decides, and is read again
 *   no record              → the retention ended before the delivery could begin: dropped
 *   an event nobody wants  → skipped
 *
 * A test has its message in the delivery log from the start, so nothing is made here.
 */
import {
  presentBatch,
  presentJob,
  workerLost,
  type BatchItemError,
  type BatchStore,
  type BatchWebhookBody,
  type DeliveryMessage,
  type EndedJob,
  type JobStore,
  type Logger,
  type Outcome,
  type ParsedDeliveryOrder,
  type StoredBatch,
  type StoredJob,
  type WebhookBody,
} from '@quintet/shared';

/**
 * What an order becomes when it is its turn. `wait`: the order became active before its time, and waits for its other
 * children; `noneLeft` is called where there are none and still something is open.
 */
export type Prepared =
  | { readonly message: DeliveryMessage; readonly owner: string | undefined }
  | { readonly ended: 'skipped' | 'dropped' }
  | { readonly wait: { readonly noneLeft?: () => Promise<void> } };

/** Standard Webhooks asks for payloads under 20 kB. */
export const maxBodyBytes = 20_000;

/** An API seals within seconds of the first item, or not at all. */
const abandonedMs = 60_000;
const chunkLength = 50;

export interface MessageSource {
  readonly store: JobStore;
  readonly batches: BatchStore;
  readonly retentionSeconds: number;
  readonly now: () => Date;
}

/** The message of `order`, made of what is kept of its source: the same however often it is made. */
export async function prepareMessage(
  { kind, id }: ParsedDeliveryOrder,
  source: MessageSource,
  logger: Logger,
): Promise<Prepared> {
  switch (kind) {
    case 'job':
      return prepareJob(id, source, logger);
    case 'batch':
      return prepareBatch(id, source, logger);
    case 'test':
      logger.warn('delivery dropped: the test is no longer kept');
      return { ended: 'dropped' };
  }
}

async function prepareJob(id: string, source: MessageSource, logger: Logger): Promise<Prepared> {
  const { record, outcome } = (await readEnded(id, source, logger)) ?? {};
  if (record?.webhook === undefined || outcome === undefined) {
    logger.warn('delivery dropped: the job is no longer kept');
    return { ended: 'dropped' };
  }
  const type = `job.${outcome.status}` as const;
  if (record.webhook.events !== undefined && !record.webhook.events.includes(type)) return { ended: 'skipped' };
  const message = { url: record.webhook.url, type, body: composeBody({ record, outcome }, logger) };
  return { message, owner: record.owner };
}

async function readEnded(id: string, source: MessageSource, logger: Logger): Promise<StoredJob | undefined> {
  const stored = await source.store.read(id);
  if (stored === undefined || stored.outcome !== undefined) return stored;
  const result = await source.store.finish(id, workerLost(source.now()), source.retentionSeconds);
  logger.error({ result }, 'the job ended without an outcome');
  return source.store.read(id);
}

/** The raw body. One that would be too long goes without the client's metadata, the only part without a small bound. */
export function composeBody({ record, outcome }: EndedJob, logger: Logger): string {
  const data = presentJob(record, { outcome });
  const body: WebhookBody = { type: `job.${outcome.status}`, timestamp: outcome.finished_at, data };
  const text = JSON.stringify(body);
  const bytes = Buffer.byteLength(text);
  if (bytes < maxBodyBytes) return text;
  logger.warn({ bytes }, 'webhook body too long: sent without metadata');
  return JSON.stringify({ ...body, data: { ...data, metadata: {} } });
}

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
async function prepareBatch(id: string, source: MessageSource, logger: Logger): Promise<Prepared> {
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
async function endOpenItems(id: string, outcome: Outcome, { store, batches, retentionSeconds }: MessageSource) {
  for (let from = 0; ; from += chunkLength) {
    const items = await batches.items(id, from, chunkLength);
    if (items.length === 0) return;
    await Promise.all(items.map(({ jobId }) => store.finish(jobId, outcome, retentionSeconds)));
  }
}

async function firstErrors(id: string, { batches }: MessageSource): Promise<BatchItemError[]> {
  const failed = await batches.failed(id);
  const jobs = await batches.jobs(failed.map(({ jobId }) => jobId));
  return failed.flatMap(({ index, name, jobId }, at) => {
    const error = jobs[at]?.outcome?.error;
    return error === undefined ? [] : [{ index, name, job_id: jobId, error }];
  });
}

/** The raw body; as many of the errors as fit, and the metadata if that does. */
function composeBatchBody(
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
