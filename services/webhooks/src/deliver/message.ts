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
  presentJob,
  workerLost,
  type JobStore,
  type Logger,
  type ParsedDeliveryOrder,
  type EndedJob,
  type StoredJob,
  type WebhookBody,
} from '@quintet/shared';
import { prepareBatchMessage, type BatchMessageSource } from './batch-message.js';
import { maxBodyBytes, type Prepared } from './prepared.js';

export interface MessageSource extends BatchMessageSource {
  readonly store: Pick<JobStore, 'read' | 'finish'>;
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
      return prepareBatchMessage(id, source, logger);
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
export function composeBody({ record, outcome }: Pick<EndedJob, 'record' | 'outcome'>, logger: Logger): string {
  const data = presentJob(record, { outcome });
  const body: WebhookBody = { type: `job.${outcome.status}`, timestamp: outcome.finished_at, data };
  const text = JSON.stringify(body);
  const bytes = Buffer.byteLength(text);
  if (bytes < maxBodyBytes) return text;
  logger.warn({ bytes }, 'webhook body too long: sent without metadata');
  return JSON.stringify({ ...body, data: { ...data, metadata: {} } });
}
