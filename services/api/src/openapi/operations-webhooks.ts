/** Operations on deliveries: their log, and sending them again. */
import { deliveryStates } from '@quintet/shared';
import { origin } from './curl.js';
import { idParameter, json, jsonBodyCodes, queryParameter, type Operation, type Parameter } from './operation.js';

const deliveryIdParameter: Parameter = {
  in: 'path',
  name: 'id',
  description: "The delivery's id, which its receiver has seen as `webhook-id`.",
  required: true,
  schema: { type: 'string', pattern: '^msg_' },
};

export const webhookOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/jobs/{id}/deliveries',
    id: 'listJobDeliveries',
    tag: 'webhooks',
    scope: 'read',
    summary: 'What became of the webhooks of a job.',
    parameters: [idParameter('id', "The job's id.")],
    answers: { 200: { description: 'Its deliveries.', content: json('DeliveryList') } },
    codes: ['job_id_invalid', 'job_not_found'],
  },
  {
    method: 'get',
    path: '/v1/deliveries',
    id: 'listDeliveries',
    tag: 'webhooks',
    scope: 'read',
    summary: "The client's deliveries, newest first.",
    parameters: [
      queryParameter('state', 'Only those in this state.', { type: 'string', enum: deliveryStates }),
      queryParameter('limit', 'How many at most; 20 unless set.', { type: 'integer', minimum: 1, maximum: 100 }),
      queryParameter('cursor', 'The `next_cursor` of the page before.', { type: 'string' }),
    ],
    answers: { 200: { description: 'A page of them.', content: json('DeliveryPage') } },
    codes: ['option_invalid', 'option_unknown'],
  },
  {
    method: 'get',
    path: '/v1/deliveries/{id}',
    id: 'readDelivery',
    tag: 'webhooks',
    scope: 'read',
    summary: 'A delivery with its attempts.',
    parameters: [deliveryIdParameter],
    answers: { 200: { description: 'The delivery.', content: json('Delivery') } },
    codes: ['delivery_not_found'],
  },
  {
    method: 'post',
    path: '/v1/deliveries/{id}/redeliver',
    id: 'redeliver',
    tag: 'webhooks',
    scope: 'submit',
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
  {
    method: 'post',
    path: '/v1/webhooks/test',
    id: 'sendTestWebhook',
    tag: 'webhooks',
    scope: 'submit',
    summary: 'Sends an event `webhook.test`, signed like every other.',
    curl: `curl --json '{"webhook_url": "https://example.com/hooks"}' ${origin}/v1/webhooks/test`,
    description: 'Where it succeeds, an address that was disabled by 410 is sent to again.',
    body: { description: 'Where to.', content: json('WebhookTest') },
    answers: { 202: { description: 'Its delivery.', content: json('Delivery'), headers: ['Location'] } },
    codes: [...jsonBodyCodes, 'shutting_down', 'webhook_url_refused', 'webhooks_disabled'],
  },
];
