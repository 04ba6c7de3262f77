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
import { parseOptions, parseTextOptions } from '../jobs/index.js';

export interface BatchOptions extends Omit<JobOptions, 'webhook_events'> {
  readonly webhook_events: readonly BatchWebhookEvent[] | undefined;
}

/** Checks options as JSON has them. Throws `option_unknown` or `option_invalid`. */
export function parseBatchOptions({ webhook_events, ...given }: Readonly<Record<string, unknown>>): BatchOptions {
  const options = parseOptions('priority' in given ? given : { ...given, priority: batchPriority });
  return { ...options, webhook_events: webhook_events === undefined ? undefined : eventsOf(webhook_events) };
}

/** The same for options that arrive as strings. */
export function parseBatchTextOptions(entries: Iterable<readonly [string, string]>): BatchOptions {
  const all = [...entries];
  const events = all.filter(([name]) => name === 'webhook_events');
  const others = all.filter(([name]) => name !== 'webhook_events');
  if (!others.some(([name]) => name === 'priority')) others.push(['priority', String(batchPriority)]);
  const listed = events
    .flatMap(([, text]) => text.split(',').map((event) => event.trim()))
    .filter((event) => event !== '');
  return { ...parseTextOptions(others), webhook_events: events.length === 0 ? undefined : eventsOf(listed) };
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
