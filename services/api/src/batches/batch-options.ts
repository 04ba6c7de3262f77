/** Options of a batch: those of a job, for every item, with a webhook that can also tell of the batch itself. */
import {
  batchPriority,
  batchWebhookEvents,
  ProblemError,
  type BatchRecord,
  type BatchWebhookEvent,
  type JobOptions,
  type WebhookEvent,
} from '@quintet/shared';
import { parseOptions } from '../jobs/index.js';

export interface BatchOptions extends Omit<JobOptions, 'webhook_events'> {
  readonly webhook_events: readonly BatchWebhookEvent[] | undefined;
}

/** Checks options as JSON has them. Throws `option_unknown` or `option_invalid`. */
export function parseBatchOptions({ webhook_events, ...given }: Readonly<Record<string, unknown>>): BatchOptions {
  const options = parseOptions('priority' in given ? given : { ...given, priority: batchPriority });
  return { ...options, webhook_events: webhook_events === undefined ? undefined : eventsOf(webhook_events) };
}

function eventsOf(given: unknown): BatchWebhookEvent[] {
  const events: readonly unknown[] = Array.isArray(given) ? given : [];
  const known = batchWebhookEvents.filter((event) => events.includes(event));
  if (known.length > 0 && events.every((event) => (known as readonly unknown[]).includes(event))) return known;
  const detail = `webhook_events must be some of ${batchWebhookEvents.join(', ')}`;
  throw new ProblemError('option_invalid', `${detail}.`, { errors: [{ detail, pointer: '#/webhook_events' }] });
}

/** The webhook of a batch with these options: of its own end alone where they name no events. */
export function webhookOf(options: BatchOptions): BatchRecord['webhook'] {
  if (options.webhook_url === undefined) return undefined;
  const events = options.webhook_events ?? ['batch.completed'];
  return {
    url: options.webhook_url,
    batch: events.includes('batch.completed'),
    items: events.filter((event): event is WebhookEvent => event !== 'batch.completed'),
  };
}
