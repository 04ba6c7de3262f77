/**
 * Deliveries of webhooks: reading their log, and having one sent again.
 *
 * Sending again is two steps, the log's and the queue's. The log goes first, and lets one of several callers through. If the
 * second fails, the delivery is pending with nothing in the queue to send it: whoever asks again finds it so, and goes on.
 */
import { randomUUID } from 'node:crypto';
import {
  deliveryId,
  ProblemError,
  redeliveryEntryId,
  type Delivery,
  type DeliveryIndex,
  type DeliveryLog,
  type DeliveryPage,
  type DeliveryPlace,
  type DeliveryState,
  type DisabledEndpoints,
  type JobStore,
  type LoggedDelivery,
} from '@quintet/shared';
import { owns, type Client } from './client.js';
import type { Queues } from './queues.js';
import { jobNotFound } from './read.js';
import { endpointDisabled } from './webhook-target.js';

export interface DeliveriesContext {
  readonly log: Pick<DeliveryLog, 'peek' | 'read' | 'reopen'>;
  readonly index: Pick<DeliveryIndex, 'list'>;
  readonly endpoints: Pick<DisabledEndpoints, 'isDisabled'>;
  readonly store: Pick<JobStore, 'read'>;
  readonly queues: Pick<Queues, 'addDelivery' | 'deliveryWaits'>;
}

/** Between the log's note and the queue's lies one round trip; far more than that is a step that was never taken. */
const reopenGraceMs = 5000;

/** What is told of the job `id`: nothing before its end, and nothing where nobody asked for it. */
export async function readJobDeliveries(context: DeliveriesContext, id: string, client: Client): Promise<Delivery[]> {
  // The delivery may be kept longer than the job.
  const logged = await context.log.read(deliveryId(id));
  if (logged !== undefined && owns(client, logged.head)) return [logged.delivery];
  const job = await context.store.read(id);
  if (job === undefined || !owns(client, job.record)) throw jobNotFound(id);
  return [];
}

export interface DeliveriesQuery {
  readonly state?: DeliveryState | undefined;
  readonly limit: number;
  readonly after?: DeliveryPlace | undefined;
}

/** The client's deliveries, those that changed last first; an admin's are everybody's. */
export function listDeliveries(
  context: DeliveriesContext,
  query: DeliveriesQuery,
  client: Client,
): Promise<DeliveryPage> {
  const all = client.name === undefined || client.scopes.has('admin');
  return context.index.list({ ...query, owner: all ? undefined : client.name });
}

/** Throws `delivery_not_found`, also where it is another client's. */
export async function readDelivery(context: DeliveriesContext, id: string, client: Client): Promise<Delivery> {
  const logged = await context.log.read(id);
  if (logged === undefined || !owns(client, logged.head)) throw deliveryNotFound(id);
  return logged.delivery;
}

/**
 * Has a delivery that ended sent again: the same message under the same id, with the schedule from its beginning. Throws
 * `delivery_not_found`, `delivery_pending`, and `webhook_endpoint_disabled` where it could only fail.
 */
export async function redeliver(
  context: DeliveriesContext,
  id: string,
  client: Client,
  requestId: string,
): Promise<Delivery> {
  const was = await context.log.peek(id);
  if (was === undefined || !owns(client, was.head)) throw deliveryNotFound(id);
  const { kind, source, endpoint } = was.head;
  if (was.state === 'pending' && (await isUnderWay(context, was))) throw deliveryPending(id);
  if (kind !== 'test' && (await context.endpoints.isDisabled(endpoint))) throw endpointDisabled();
  const entry = redeliveryEntryId(randomUUID());
  if (!(await context.log.reopen(id, was, entry, Date.now()))) throw deliveryPending(id);
  await context.queues.addDelivery({ kind, id: source, request_id: requestId }, entry);
  return readDelivery(context, id, client);
}

async function isUnderWay(context: DeliveriesContext, { entry, updated }: LoggedDelivery): Promise<boolean> {
  if (Date.now() - updated < reopenGraceMs) return true;
  return entry !== undefined && (await context.queues.deliveryWaits(entry));
}

function deliveryNotFound(id: string): ProblemError {
  return new ProblemError('delivery_not_found', `There is no delivery ${id}, or its log is no longer kept.`);
}

function deliveryPending(id: string): ProblemError {
  return new ProblemError('delivery_pending', `Delivery ${id} is still being tried.`);
}
