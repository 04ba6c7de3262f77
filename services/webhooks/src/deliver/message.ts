/**
 * From an order to what is sent. An order becomes active when its classify job has ended in BullMQ's eyes:
 *
 *   outcome written        → the event job.<status>
 *   no outcome             → every worker that ran the job died before it could write one. It ends here as failed
 *                            (worker_lost), by the store's own rule: whoever writes first decides, and is read again
 *   no record              → the retention ended before the delivery could begin: dropped
 *   an event nobody wants  → skipped
 */
import {
  batchWebhookEventSchema,
  presentJob,
  workerLost,
  type JobStore,
  type Logger,
  type StoredJob,
  type WebhookBody,
} from '@quintet/shared';
import { z } from 'zod';

/** What is sent, the same on every attempt. It travels in the order from the first failure on. */
export const messageSchema = z.object({ url: z.string(), type: batchWebhookEventSchema, body: z.string() });
export type Message = z.infer<typeof messageSchema>;

/**
 * `wait`: the order became active before its time, and waits for its other children; `noneLeft` is called where there are none
 * and still something is open.
 */
export type Prepared =
  | { readonly message: Message }
  | { readonly ended: 'skipped' | 'dropped' }
  | { readonly wait: { readonly noneLeft?: () => Promise<void> } };

/** Standard Webhooks asks for payloads under 20 kB. */
export const maxBodyBytes = 20_000;

export interface MessageSource {
  readonly store: Pick<JobStore, 'read' | 'finish'>;
  readonly retentionSeconds: number;
  readonly now: () => Date;
}

export async function prepareMessage(id: string, source: MessageSource, logger: Logger): Promise<Prepared> {
  const { record, outcome } = (await readEnded(id, source, logger)) ?? {};
  if (record?.webhook === undefined || outcome === undefined) {
    logger.warn('delivery dropped: the job is no longer kept');
    return { ended: 'dropped' };
  }
  const type = `job.${outcome.status}` as const;
  if (record.webhook.events !== undefined && !record.webhook.events.includes(type)) return { ended: 'skipped' };
  return { message: { url: record.webhook.url, type, body: composeBody({ record, outcome }, logger) } };
}

async function readEnded(id: string, source: MessageSource, logger: Logger): Promise<StoredJob | undefined> {
  const stored = await source.store.read(id);
  if (stored === undefined || stored.outcome !== undefined) return stored;
  const result = await source.store.finish(id, workerLost(source.now()), source.retentionSeconds);
  logger.error({ result }, 'the job ended without an outcome');
  return source.store.read(id);
}

/** The raw body. One that would be too long goes without the client's metadata, the only part without a small bound. */
export function composeBody({ record, outcome }: Required<StoredJob>, logger: Logger): string {
  const data = presentJob(record, { outcome });
  const body: WebhookBody = { type: `job.${outcome.status}`, timestamp: outcome.finished_at, data };
  const text = JSON.stringify(body);
  const bytes = Buffer.byteLength(text);
  if (bytes < maxBodyBytes) return text;
  logger.warn({ bytes }, 'webhook body too long: sent without metadata');
  return JSON.stringify({ ...body, data: { ...data, metadata: {} } });
}
