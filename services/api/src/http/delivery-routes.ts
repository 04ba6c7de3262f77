/** /v1/deliveries, /v1/jobs/:id/deliveries and /v1/webhooks/test. */
import type { Request } from 'express';
import { deliveryStates, jobOptionsSchema, ProblemError, readCursor, writeCursor } from '@quintet/shared';
import { listDeliveries, readDelivery, readJobDeliveries, redeliver, sendTestWebhook } from '../jobs/index.js';
import { json, jsonBodyCodes, queryParameter, type Parameter } from '../openapi/operation.js';
import { origin } from '../openapi/samples.js';
import { readJsonObject } from './body/json-object.js';
import { idParameter, jobId } from './job-routes.js';
import { optionInvalid, optionUnknown, pageQuery } from './query.js';
import { contextOf } from './request-context.js';
import type { Endpoint } from './route-table.js';

const deliveryIdParameter: Parameter = {
  in: 'path',
  name: 'id',
  description: "The delivery's id, which its receiver has seen as `webhook-id`.",
  required: true,
  schema: { type: 'string', pattern: '^msg_' },
};

/** Answers 200 with the deliveries that told of the job. */
export const listOfJob: Endpoint = {
  operation: {
    id: 'listJobDeliveries',
    tag: 'webhooks',
    summary: 'What became of the webhooks of a job.',
    parameters: [idParameter],
    answers: { 200: { description: 'Its deliveries.', content: json('DeliveryList') } },
    codes: ['job_id_invalid', 'job_not_found'],
  },
  handler: (api) => async (request, response) => {
    const found = await readJobDeliveries(api.deliveries, jobId(request, response), contextOf(response).client);
    response.json({ deliveries: found });
  },
};

/** Answers 200 with a page of the client's deliveries, and the cursor of the next where there may be one. */
export const list: Endpoint = {
  operation: {
    id: 'listDeliveries',
    tag: 'webhooks',
    summary: "The client's deliveries, newest first.",
    parameters: [
      queryParameter('state', 'Only those in this state.', { type: 'string', enum: deliveryStates }),
      queryParameter('limit', 'How many at most; 20 unless set.', { type: 'integer', minimum: 1, maximum: 100 }),
      queryParameter('cursor', 'The `next_cursor` of the page before.', { type: 'string' }),
    ],
    answers: { 200: { description: 'A page of them.', content: json('DeliveryPage') } },
    codes: ['option_invalid', 'option_unknown'],
  },
  handler: (api) => async (request, response) => {
    const { filter, ...range } = pageQuery(request, { name: 'state', values: deliveryStates }, readCursor);
    const page = await listDeliveries(api.deliveries, { state: filter, ...range }, contextOf(response).client);
    response.json({
      deliveries: page.deliveries,
      ...(page.next === undefined ? {} : { next_cursor: writeCursor(page.next) }),
    });
  },
};

export const read: Endpoint = {
  operation: {
    id: 'readDelivery',
    tag: 'webhooks',
    summary: 'A delivery with its attempts.',
    parameters: [deliveryIdParameter],
    answers: { 200: { description: 'The delivery.', content: json('Delivery') } },
    codes: ['delivery_not_found'],
  },
  handler: (api) => async (request, response) => {
    response.json(await readDelivery(api.deliveries, deliveryIdOf(request), contextOf(response).client));
  },
};

/** Answers 202 with the delivery, which is pending again. */
export const sendAgain: Endpoint = {
  operation: {
    id: 'redeliver',
    tag: 'webhooks',
    summary: 'Sends a delivery again that has ended, under the same id.',
    parameters: [deliveryIdParameter],
    answers: {
      202: { description: 'The delivery, pending again.', content: json('Delivery'), headers: ['Location'] },
    },
    codes: [
      'delivery_not_found',
      'delivery_pending',
      'shutting_down',
      'webhook_endpoint_disabled',
      'webhooks_disabled',
    ],
  },
  handler: (api) => async (request, response) => {
    api.checkOpen();
    const { client, requestId } = contextOf(response);
    const delivery = await redeliver(api.deliveries, deliveryIdOf(request), client, requestId);
    api.metrics.redeliveries.inc();
    response.status(202).location(delivery.links.self).json(delivery);
  },
};

/** Answers 202 with the delivery of the test. */
export const sendTest: Endpoint = {
  operation: {
    id: 'sendTestWebhook',
    tag: 'webhooks',
    summary: 'Sends an event `webhook.test`, signed like every other.',
    curl: `curl --json '{"webhook_url": "https://example.com/hooks"}' ${origin}/v1/webhooks/test`,
    description: 'Where it succeeds, an address that was disabled by 410 is sent to again.',
    body: { description: 'Where to.', content: json('WebhookTest') },
    answers: { 202: { description: 'Its delivery.', content: json('Delivery'), headers: ['Location'] } },
    codes: [...jsonBodyCodes, 'shutting_down', 'webhook_url_refused', 'webhooks_disabled'],
  },
  handler: (api) => async (request, response) => {
    api.checkOpen();
    const url = webhookUrl(await readJsonObject(request, response));
    const { client, requestId } = contextOf(response);
    const delivery = await sendTestWebhook(api.deliveries, url, client, requestId);
    response.status(202).location(delivery.links.self).json(delivery);
  },
};

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
