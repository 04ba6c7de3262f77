/** /v1/deliveries, /v1/jobs/:id/deliveries and /v1/webhooks/test. */
import type { Request, RequestHandler } from 'express';
import {
  deliveryStates,
  deliveryStateSchema,
  jobOptionsSchema,
  ProblemError,
  readCursor,
  writeCursor,
  type ApiMetrics,
} from '@quintet/shared';
import {
  listDeliveries,
  readDelivery,
  readJobDeliveries,
  redeliver,
  sendTestWebhook,
  type DeliveriesContext,
  type DeliveriesQuery,
  type TestWebhookContext,
} from '../jobs/index.js';
import { readJsonObject } from './body/json-object.js';
import { jobId } from './job-routes.js';
import { queryOf } from './query.js';
import { contextOf } from './request-context.js';

const defaultLimit = 20;
const mostPerPage = 100;

/** Answers 200 with the deliveries that told of the job. */
export function jobDeliveriesRoute(deliveries: DeliveriesContext): RequestHandler {
  return async (request, response) => {
    const found = await readJobDeliveries(deliveries, jobId(request, response), contextOf(response).client);
    response.json({ deliveries: found });
  };
}

/** Answers 200 with a page of the client's deliveries, and the cursor of the next where there may be one. */
export function listDeliveriesRoute(deliveries: DeliveriesContext): RequestHandler {
  return async (request, response) => {
    const page = await listDeliveries(deliveries, deliveriesQuery(request), contextOf(response).client);
    response.json({
      deliveries: page.deliveries,
      ...(page.next === undefined ? {} : { next_cursor: writeCursor(page.next) }),
    });
  };
}

export function readDeliveryRoute(deliveries: DeliveriesContext): RequestHandler {
  return async (request, response) => {
    response.json(await readDelivery(deliveries, deliveryIdOf(request), contextOf(response).client));
  };
}

/** Answers 202 with the delivery, which is pending again. */
export function redeliverRoute(
  deliveries: DeliveriesContext,
  metrics: Pick<ApiMetrics, 'redeliveries'>,
  checkOpen: () => void,
): RequestHandler {
  return async (request, response) => {
    checkOpen();
    const { client, requestId } = contextOf(response);
    const delivery = await redeliver(deliveries, deliveryIdOf(request), client, requestId);
    metrics.redeliveries.inc();
    response.status(202).location(delivery.links.self).json(delivery);
  };
}

/** Answers 202 with the delivery of the test. */
export function testWebhookRoute(test: TestWebhookContext, checkOpen: () => void): RequestHandler {
  return async (request, response) => {
    checkOpen();
    const url = webhookUrl(await readJsonObject(request, response));
    const { client, requestId } = contextOf(response);
    const delivery = await sendTestWebhook(test, url, client, requestId);
    response.status(202).location(delivery.links.self).json(delivery);
  };
}

function deliveryIdOf(request: Request): string {
  const id = request.params['id'];
  if (typeof id !== 'string' || !/^msg_[\w-]{1,100}$/.test(id)) {
    throw new ProblemError('delivery_not_found', 'A delivery id looks like msg_01234567-89ab-cdef-0123-456789abcdef.');
  }
  return id;
}

function webhookUrl({ webhook_url: url, ...others }: Readonly<Record<string, unknown>>): string {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw optionUnknown(unknown, 'webhook_url');
  const parsed = jobOptionsSchema.shape.webhook_url.safeParse(url);
  if (parsed.success && parsed.data !== undefined) return parsed.data;
  throw optionInvalid('webhook_url', 'an http:// or https:// address of at most 2048 characters');
}

const queryNames = ['state', 'limit', 'cursor'];

function deliveriesQuery(request: Request): DeliveriesQuery {
  const query = queryOf(request);
  for (const name of query.keys()) {
    if (!queryNames.includes(name)) throw optionUnknown(name, queryNames.join(', '));
    if (query.getAll(name).length > 1) throw optionInvalid(name, 'given once');
  }
  const [state, limit, cursor] = queryNames.map((name) => query.get(name));
  const known = deliveryStateSchema.safeParse(state);
  if (typeof state === 'string' && !known.success) throw optionInvalid('state', `one of ${deliveryStates.join(', ')}`);
  const wanted = limit ?? String(defaultLimit);
  if (!/^\d{1,3}$/.test(wanted) || Number(wanted) < 1 || Number(wanted) > mostPerPage) {
    throw optionInvalid('limit', `a whole number from 1 to ${mostPerPage}`);
  }
  const after = typeof cursor === 'string' ? readCursor(cursor) : undefined;
  if (typeof cursor === 'string' && after === undefined) throw optionInvalid('cursor', 'the next_cursor of a page');
  return { state: known.data, limit: Number(wanted), after };
}

function optionUnknown(name: string, known: string): ProblemError {
  const told = name.slice(0, 64);
  return new ProblemError('option_unknown', `Unknown: ${JSON.stringify(told)}. Options are ${known}.`, {
    errors: [{ detail: `not an option; options are ${known}`, pointer: `#/${encodeURIComponent(told)}` }],
  });
}

function optionInvalid(name: string, allowed: string): ProblemError {
  const detail = `${name} must be ${allowed}`;
  return new ProblemError('option_invalid', `${detail}.`, { errors: [{ detail, pointer: `#/${name}` }] });
}
