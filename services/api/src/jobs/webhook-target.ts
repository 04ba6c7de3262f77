/** Whether a webhook may be sent to an address that a client names. */
import { checkOutboundUrl } from '@quintet/outbound';
import { endpointFingerprint, ProblemError, type DisabledEndpoints } from '@quintet/shared';
import type { Client } from './client.js';

export interface WebhookTargetContext {
  /** Whether there is a secret to sign webhooks with. */
  readonly webhooksEnabled: boolean;
  readonly allowPrivateHosts: boolean;
  readonly endpoints: Pick<DisabledEndpoints, 'isDisabled'>;
}

/** Throws `webhooks_disabled` or `webhook_url_refused`. What the address resolves to is checked when it is called. */
export function checkWebhookAddress(
  context: Pick<WebhookTargetContext, 'webhooksEnabled' | 'allowPrivateHosts'>,
  url: string,
): void {
  if (!context.webhooksEnabled) {
    throw new ProblemError('webhooks_disabled', 'This service has no WEBHOOK_SECRET, so it cannot sign webhooks.');
  }
  const refused = checkOutboundUrl(url, context.allowPrivateHosts);
  if (refused !== undefined) {
    throw new ProblemError('webhook_url_refused', refused, {
      errors: [{ detail: refused, pointer: '#/webhook_url' }],
    });
  }
}

/** The same, and throws `webhook_endpoint_disabled` where the address answered 410 to a delivery of this client. */
export async function checkWebhookTarget(context: WebhookTargetContext, url: string, client: Client): Promise<void> {
  checkWebhookAddress(context, url);
  if (await context.endpoints.isDisabled(endpointFingerprint(client.name, url))) throw endpointDisabled();
}

export function endpointDisabled(): ProblemError {
  const detail = 'The address answered 410 Gone. POST /v1/webhooks/test with it enables it again, if that succeeds.';
  return new ProblemError('webhook_endpoint_disabled', detail, { errors: [{ detail, pointer: '#/webhook_url' }] });
}
