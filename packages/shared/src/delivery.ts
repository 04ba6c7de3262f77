/**
 * A delivery as clients see it: what became of one message to one address (GET /v1/deliveries, services/webhooks).
 *
 * States: pending → delivered | failed; both go back to pending when somebody asks for the message to be sent again.
 * A delivery begins to exist when the message can be made, which for a job is its end.
 */
import { z } from 'zod';
import { webhookEvents } from './job.js';
import { deliveryKindSchema } from './queues.js';

export const deliveryStates = ['pending', 'delivered', 'failed'] as const;
export const deliveryStateSchema = z.enum(deliveryStates);
export type DeliveryState = z.infer<typeof deliveryStateSchema>;

/** Types of the messages that are sent: the ends of jobs, and what a client sends itself to try its receiver. */
export const deliveryEvents = [...webhookEvents, 'batch.completed', 'webhook.test'] as const;
export const deliveryEventSchema = z.enum(deliveryEvents);
export type DeliveryEvent = z.infer<typeof deliveryEventSchema>;

/** What is sent, the same on every attempt. `url` as the client gave it, tokens included. */
export const deliveryMessageSchema = z.object({ url: z.string(), type: deliveryEventSchema, body: z.string() });
export type DeliveryMessage = z.infer<typeof deliveryMessageSchema>;

const timestamp = z.iso.datetime();

export const deliveryAttemptSchema = z.object({
  at: timestamp,
  /** As in quintet_webhook_attempts_total; or `disabled`, `dropped` and `error`, for which nothing was sent. */
  outcome: z.string(),
  /** Of the answer, where there was one. */
  status: z.int().optional(),
  duration_ms: z.number().min(0),
  /** Why it is no success, in words. */
  reason: z.string().optional(),
});
export type DeliveryAttempt = z.infer<typeof deliveryAttemptSchema>;

/** What never changes about a delivery. `source` is the id of what it tells of. */
export const deliveryHeadSchema = z.object({
  kind: deliveryKindSchema,
  source: z.string(),
  event: deliveryEventSchema,
  /** Without its query, which may hold a token. */
  url: z.string(),
  created_at: timestamp,
  owner: z.string().optional(),
  /** Fingerprint of owner and address; see store/disabled-endpoints.ts. */
  endpoint: z.string(),
});
export type DeliveryHead = z.infer<typeof deliveryHeadSchema>;

export const deliverySchema = z.object({
  id: z.string(),
  job_id: z.string().optional(),
  batch_id: z.string().optional(),
  event: deliveryEventSchema,
  url: z.string(),
  state: deliveryStateSchema,
  created_at: timestamp,
  updated_at: timestamp,
  next_attempt_at: timestamp.optional(),
  /** The last ones, oldest first. */
  attempts: z.array(deliveryAttemptSchema),
  links: z.object({ self: z.string() }),
});
export type Delivery = z.infer<typeof deliverySchema>;

/** What changes. Times are Unix ms. */
export interface DeliveryProgress {
  readonly state: DeliveryState;
  readonly updated: number;
  readonly next?: number | undefined;
  readonly attempts: readonly DeliveryAttempt[];
}

export function presentDelivery(id: string, head: DeliveryHead, progress: DeliveryProgress): Delivery {
  const { kind, source, event, url, created_at } = head;
  const { state, updated, next, attempts } = progress;
  return {
    id,
    ...(kind === 'job' ? { job_id: source } : {}),
    ...(kind === 'batch' ? { batch_id: source } : {}),
    event,
    url,
    state,
    created_at,
    updated_at: new Date(updated).toISOString(),
    ...(next === undefined ? {} : { next_attempt_at: new Date(next).toISOString() }),
    attempts: [...attempts],
    links: { self: `/v1/deliveries/${id}` },
  };
}

/** An address without its query and fragment, for eyes other than its receiver's. */
export function withoutQuery(url: string): string {
  if (!URL.canParse(url)) return '';
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** The body of a `webhook.test` (Standard Webhooks: type, timestamp, data). */
export const testBodySchema = z.object({
  type: z.literal('webhook.test'),
  timestamp,
  data: z.object({ delivery: z.string(), detail: z.string() }),
});
export type TestBody = z.infer<typeof testBodySchema>;
