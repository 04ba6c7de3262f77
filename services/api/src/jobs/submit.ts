/**
 * Submission: a checked picture and its options become a record, a stored image and a queue entry.
 *
 * Order matters for "accepted is never lost": the record and the image are in Redis before the queue entry, so a worker
 * that takes the job finds both; whoever answers 202 has seen all three acknowledged. One connection carries them, in this
 * order, without waiting for each other's acknowledgement. A crash in between leaves a record that nobody was told of,
 * which expires by itself.
 */
import { ImageError, inspectImage, type ImageLimits } from '@quintet/images';
import {
  checkWebhookUrl,
  presentJob,
  ProblemError,
  type ClassifyOrder,
  type JobOptions,
  type JobRecord,
  type JobStore,
} from '@quintet/shared';
import type { Admission } from './admission.js';
import type { Client } from './client.js';
import type { ModelDirectory } from './models.js';
import type { Queues } from './queues.js';
import { redisUnavailable } from './redis-guard.js';
import type { KnownJob } from './waiters.js';

export interface SubmitContext {
  readonly store: Pick<JobStore, 'create' | 'discard'>;
  readonly queues: Pick<Queues, 'add'>;
  readonly models: Pick<ModelDirectory, 'resolve'>;
  readonly admission: Pick<Admission, 'admit'>;
  readonly maxImagePixels: number;
  /** MAX_DECODE_BYTES. */
  readonly maxDecodeBytes: number;
  /** How long an unfinished job and its image are kept. */
  readonly queueTtlSeconds: number;
  /** Whether there is a secret to sign webhooks with. */
  readonly webhooksEnabled: boolean;
  readonly allowPrivateHosts: boolean;
}

export interface Submission {
  /** A new UUID. The caller chooses it, to be able to listen for its end before it can come. */
  readonly id: string;
  readonly image: Buffer;
  readonly options: JobOptions;
  readonly requestId: string;
  readonly client: Client;
}

/** Accepts a job; throws ProblemError where it may not be, and nothing is left behind then. */
export async function submitJob(context: SubmitContext, submission: Submission): Promise<KnownJob> {
  const { id, image, options, requestId, client } = submission;
  checkImage(image, { maxPixels: context.maxImagePixels, maxDecodeBytes: context.maxDecodeBytes });
  checkWebhook(context, options);
  const model = await context.models.resolve(options.model);
  await context.admission.admit(model.name);

  const created = new Date();
  const deadline =
    options.ttl_seconds === undefined ? undefined : Math.ceil(created.getTime() + 1000 * options.ttl_seconds);
  const record: JobRecord = {
    id,
    model,
    created_at: created.toISOString(),
    metadata: options.metadata ?? {},
    ...(client.name === undefined ? {} : { owner: client.name }),
    ...(deadline === undefined ? {} : { deadline_ms: deadline }),
    ...(options.webhook_url === undefined
      ? {}
      : {
          webhook: {
            url: options.webhook_url,
            ...(options.webhook_events === undefined ? {} : { events: options.webhook_events }),
          },
        }),
  };
  const order: ClassifyOrder = {
    id,
    model: model.name,
    top_k: options.top_k,
    created_ms: created.getTime(),
    request_id: requestId,
    ...(options.min_score === undefined ? {} : { min_score: options.min_score }),
    ...(deadline === undefined ? {} : { deadline_ms: deadline }),
  };
  try {
    const delivery = record.webhook === undefined ? undefined : { id, request_id: requestId };
    const kept = context.store.create(record, image, context.queueTtlSeconds);
    const added = context.queues.add(order, options.priority, delivery);
    // Both have settled before anything is discarded.
    const failed = (await Promise.allSettled([kept, added])).find((each) => each.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  } catch (error) {
    // Best effort: what is left expires by itself. A job that reached its queue after all finds no record, and ends.
    await context.store.discard(id).catch(() => undefined);
    throw redisUnavailable(error);
  }
  return {
    job: presentJob(record, { progress: { status: 'queued' } }),
    end: (outcome) => presentJob(record, { outcome }),
  };
}

function checkImage(image: Buffer, limits: ImageLimits): void {
  if (image.length === 0) throw new ProblemError('image_empty', 'The image has no bytes.');
  try {
    inspectImage(image, limits);
  } catch (error) {
    if (error instanceof ImageError) throw new ProblemError(error.code, error.detail, { cause: error });
    throw error;
  }
}

function checkWebhook(context: SubmitContext, options: JobOptions): void {
  if (options.webhook_url === undefined) {
    if (options.webhook_events === undefined) return;
    throw new ProblemError('option_invalid', 'webhook_events needs a webhook_url.', {
      errors: [{ detail: 'webhook_events needs a webhook_url', pointer: '#/webhook_events' }],
    });
  }
  if (!context.webhooksEnabled) {
    throw new ProblemError('webhooks_disabled', 'This service has no WEBHOOK_SECRET, so it cannot sign webhooks.');
  }
  const refused = checkWebhookUrl(options.webhook_url, context.allowPrivateHosts);
  if (refused !== undefined) {
    throw new ProblemError('webhook_url_refused', refused, {
      errors: [{ detail: refused, pointer: '#/webhook_url' }],
    });
  }
}
