/** What is looked at before a submission becomes a job. Each throws the problem it finds. */
import { ImageError, inspectImage, type ImageLimits } from '@quintet/images';
import { ProblemError } from '@quintet/shared';
import type { Client } from './client.js';
import { checkWebhookTarget, type WebhookTargetContext } from './webhook-target.js';

/** Whether the bytes are a picture that may be decoded, as far as its headers tell. */
export function checkImage(image: Buffer, limits: ImageLimits): void {
  if (image.length === 0) throw new ProblemError('image_empty', 'The image has no bytes.');
  try {
    inspectImage(image, limits);
  } catch (error) {
    if (error instanceof ImageError) throw new ProblemError(error.code, error.detail, { cause: error });
    throw error;
  }
}

interface WebhookOptions {
  readonly webhook_url?: string | undefined;
  readonly webhook_events?: readonly string[] | undefined;
}

/** Whether webhooks can be sent, and there. */
export async function checkWebhook(
  context: WebhookTargetContext,
  { options, client }: { readonly options: WebhookOptions; readonly client: Client },
): Promise<void> {
  if (options.webhook_url !== undefined) {
    await checkWebhookTarget(context, options.webhook_url, client);
  } else if (options.webhook_events !== undefined) {
    throw new ProblemError('option_invalid', 'webhook_events needs a webhook_url.', {
      errors: [{ detail: 'webhook_events needs a webhook_url', pointer: '#/webhook_events' }],
    });
  }
}
