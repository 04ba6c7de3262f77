/** /v1/deliveries, /v1/jobs/:id/deliveries and /v1/webhooks/test. */
import type { Request, RequestHandler } from 'express';
import {
  deliveryStates,
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
  type TestWebhookContext,
} from '../jobs/index.js';
import { readJsonObject } from './body/json-object.js';
import { jobId } from './job-routes.js';
import { optionInvalid, optionUnknown, pageQuery } from './page-query.js';
import { contextOf } from './request-context.js';

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
    const { filter, ...range } = pageQuery(request, { name: 'state', values: deliveryStates }, readCursor);
    const page = await listDeliveries(deliveries, { state: filter, ...range }, contextOf(response).client);
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
