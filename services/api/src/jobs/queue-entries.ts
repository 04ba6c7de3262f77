/**
 * The entries of BullMQ's queues, as nodes of its flows: what goes before a classify order (the fetch of its picture) and what
 * comes after it (a webhook delivery, its parent).
 */
import {
  classifyJobPolicy,
  classifyQueueName,
  deliveryId,
  deliveryPolicyOf,
  fetchId,
  fetchJobPolicy,
  fetchQueueName,
  keyPrefix,
  webhookQueueName,
  type ClassifyOrder,
  type DeliveryOrder,
  type FetchOrder,
} from '@quintet/shared';
import type { FlowJob, JobsOptions } from 'bullmq';

/** A classify order, and the fetch that has to end before it begins. */
export interface QueuedOrder {
  readonly order: ClassifyOrder;
  readonly fetch?: FetchOrder | undefined;
}

export interface Entry {
  readonly name: string;
  readonly queueName: string;
  readonly data: unknown;
  readonly opts: JobsOptions;
  readonly children?: FlowJob[];
}

/**
 * BullMQ puts an entry whose child has ended at the head of its queue: of many, the last would go first and the first never.
 * One that has a delay goes to the end, as every other. In milliseconds.
 */
const queueAtEndDelay = 1;

/** BullMQ takes jobs without a priority first, then 1, 2, …: 0 is expressed by its absence. */
export function classifyEntry({ order, fetch }: QueuedOrder, priority: number): Entry {
  const urgency = priority > 0 ? { priority } : {};
  const opts: JobsOptions = { ...classifyJobPolicy, jobId: order.id, ...urgency };
  const entry = { name: 'classify', queueName: classifyQueueName(order.model), data: order };
  if (fetch === undefined) return { ...entry, opts };
  const before = { ...fetchJobPolicy, jobId: fetchId(order.id), ...urgency };
  const child = asChild({ name: 'fetch', queueName: fetchQueueName, data: fetch, opts: before });
  return { ...entry, opts: { ...opts, delay: queueAtEndDelay }, children: [child] };
}

/** `jobId` is its name in the queue. */
export function deliveryEntry(order: DeliveryOrder, jobId = deliveryId(order.id)): Entry {
  const opts = { ...deliveryPolicyOf(order.kind ?? 'job'), jobId };
  return { name: 'deliver', queueName: webhookQueueName, data: order, opts };
}

/** Whatever becomes of a child, the entry that waits for it begins, and finds out from the job store. */
export function asChild(entry: Entry): Entry {
  return { ...entry, opts: { ...entry.opts, ignoreDependencyOnFailure: true } };
}

/** The same, as a child of a delivery that is in its queue already. */
export function asChildOf(delivery: DeliveryOrder, entry: Entry): Entry {
  const parent = { id: deliveryId(delivery.id), queue: `${keyPrefix}:${webhookQueueName}` };
  const child = asChild(entry);
  return { ...child, opts: { ...child.opts, parent } };
}
