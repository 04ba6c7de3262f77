/** A test event: what a client sends itself, on the way that all webhooks take, to see whether its receiver works. */
import { randomUUID } from 'node:crypto';
import {
  deliveryId,
  endpointFingerprint,
  presentDelivery,
  withoutQuery,
  type Delivery,
  type DeliveryHead,
  type DeliveryLog,
  type TestBody,
} from '@quintet/shared';
import type { Client } from './client.js';
import type { Queues } from './queues.js';
import { checkWebhookAddress, type WebhookTargetContext } from './webhook-target.js';

export interface TestWebhookContext extends Pick<WebhookTargetContext, 'webhooksEnabled' | 'allowPrivateHosts'> {
  readonly log: Pick<DeliveryLog, 'note'>;
  readonly queues: Pick<Queues, 'addDelivery'>;
}

/**
 * Sends a signed `webhook.test` to `url`, once, also where the address is disabled: a success enables it again. What came of it
 * stands in the log of the delivery that is answered. Throws `webhooks_disabled` or `webhook_url_refused`.
 */
export async function sendTestWebhook(
  context: TestWebhookContext,
  url: string,
  client: Client,
  requestId: string,
): Promise<Delivery> {
  checkWebhookAddress(context, url);
  const source = randomUUID();
  const id = deliveryId(source);
  const now = new Date();
  const body: TestBody = {
    type: 'webhook.test',
    timestamp: now.toISOString(),
    data: { delivery: id, detail: 'This is a test: no job has ended.' },
  };
  const head: DeliveryHead = {
    kind: 'test',
    source,
    event: 'webhook.test',
    url: withoutQuery(url),
    created_at: now.toISOString(),
    ...(client.name === undefined ? {} : { owner: client.name }),
    endpoint: endpointFingerprint(client.name, url),
  };
  const message = { url, type: head.event, body: JSON.stringify(body) };
  const pending = { state: 'pending', now: now.getTime() } as const;
  // In this order: the message is where the order's taker looks for it.
  await context.log.note(id, head, { ...pending, message, entry: id });
  await context.queues.addDelivery({ kind: 'test', id: source, request_id: requestId });
  return presentDelivery(id, head, { state: 'pending', updated: now.getTime(), attempts: [] });
}
