/** What is looked at before a submission becomes a job. Each throws the problem it finds. */
import { ImageError, inspectImage } from '@quintet/images';
import { checkOutboundUrl } from '@quintet/outbound';
import { ProblemError, type JobOptions } from '@quintet/shared';

export interface WebhookTerms {
  /** Whether there is a secret to sign webhooks with. */
  readonly webhooksEnabled: boolean;
  readonly allowPrivateHosts: boolean;
}

/** Whether the bytes are a picture that may be decoded, as far as its headers tell. */
export function checkImage(image: Buffer, maxPixels: number): void {
  if (image.length === 0) throw new ProblemError('image_empty', 'The image has no bytes.');
  try {
    inspectImage(image, { maxPixels });
  } catch (error) {
    if (error instanceof ImageError) throw new ProblemError(error.code, error.detail, { cause: error });
    throw error;
  }
}

/** Whether webhooks can be sent, and there. */
export function checkWebhook(context: WebhookTerms, options: JobOptions): void {
  if (options.webhook_url === undefined) {
    if (options.webhook_events === undefined) return;
    throw new ProblemError('option_invalid', 'webhook_events needs a webhook_url.', {
      errors: [{ detail: 'webhook_events needs a webhook_url', pointer: '#/webhook_events' }],
    });
  }
  if (!context.webhooksEnabled) {
    throw new ProblemError('webhooks_disabled', 'This service has no WEBHOOK_SECRET, so it cannot sign webhooks.');
  }
  const refused = checkOutboundUrl(options.webhook_url, context.allowPrivateHosts);
  if (refused !== undefined) {
    throw new ProblemError('webhook_url_refused', refused, {
      errors: [{ detail: refused, pointer: '#/webhook_url' }],
    });
  }
}
