/** Operations on batches. */
import { batchOf, origin } from './curl.js';
import { idempotencyCodes, idempotencyParameter, json, preferParameter, uuidParameter } from './operation.js';
import type { Operation } from './operation.js';
import { cacheParameter, optionParameters, uploadCodes } from './operations-jobs.js';
import { ref } from './schemas.js';

const batchId = uuidParameter('id', "The batch's id.");
const binary = { schema: { type: 'string', format: 'binary' } };

export const batchOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/batches',
    id: 'submitBatch',
    tag: 'batches',
    scope: 'submit',
    summary: 'Submits many pictures at once.',
    curl: `curl -H 'Prefer: wait=10' -F images=@photo.jpg -F images=@photo.jpg ${origin}/v1/batches`,
    description:
      'Each is a job like any other; one that is no picture fails alone. Options are those of a job, for every item, as query parameters of an ' +
      'archive and members of a form or of JSON; ' +
      '`priority` is 5 unless set, and `webhook_events` may also name `batch.completed`, which is all that is sent unless set.',
    parameters: [preferParameter, idempotencyParameter, cacheParameter, ...optionParameters()],
    body: {
      description: 'The pictures: a form with many files, an archive, or a list of addresses or base64.',
      content: {
        'multipart/form-data': {
          schema: {
            allOf: [
              {
                type: 'object',
                properties: { images: { type: 'array', items: { type: 'string', format: 'binary' } } },
                required: ['images'],
              },
              ref('JobOptions'),
            ],
          },
        },
        'application/json': {
          schema: {
            oneOf: [
              {
                type: 'object',
                properties: { items: { type: 'array', items: ref('BatchItem') } },
                required: ['items'],
              },
              {
                type: 'object',
                properties: { image_urls: { type: 'array', items: { type: 'string', format: 'uri' } } },
                required: ['image_urls'],
              },
            ],
          },
        },
        'application/zip': binary,
        'application/x-tar': binary,
        'application/gzip': binary,
      },
    },
    answers: {
      200: {
        description: 'The batch, all of whose items have ended within the time that was asked for.',
        content: json('Batch'),
        headers: ['Location', 'Preference-Applied', 'Idempotent-Replayed'],
      },
      202: {
        description: 'The batch, which is accepted as a whole.',
        content: json('Batch'),
        headers: ['Location', 'Preference-Applied', 'Idempotent-Replayed'],
      },
    },
    codes: [
      ...uploadCodes,
      ...idempotencyCodes,
      'archive_malformed',
      'base64_invalid',
      'batch_empty',
      'batch_too_large',
      'batch_too_many_items',
      'file_field_unexpected',
    ],
  },
  {
    method: 'get',
    path: '/v1/batches/{id}',
    id: 'readBatch',
    tag: 'batches',
    scope: 'read',
    summary: 'Counts by state, progress and the first errors; or waits for the end.',
    parameters: [batchId, preferParameter],
    answers: {
      200: { description: 'The batch as it stands.', content: json('Batch'), headers: ['Preference-Applied'] },
    },
    codes: ['batch_id_invalid', 'batch_not_found'],
  },
  {
    method: 'delete',
    path: '/v1/batches/{id}',
    id: 'cancelBatch',
    tag: 'batches',
    scope: 'submit',
    summary: 'Cancels what has not ended.',
    parameters: [batchId],
    answers: { 200: { description: 'The batch, canceled.', content: json('Batch') } },
    codes: ['batch_finished', 'batch_id_invalid', 'batch_not_found'],
  },
  {
    method: 'get',
    path: '/v1/batches/{id}/results',
    id: 'readBatchResults',
    tag: 'batches',
    scope: 'read',
    summary: 'Every item in order, finished or not, as it is read.',
    curl: `${batchOf()}\ncurl -H 'Accept: text/csv' ${origin}/v1/batches/$BATCH/results`,
    parameters: [batchId],
    answers: {
      200: {
        description: 'The results, in the form that Accept asks for.',
        content: {
          'application/json': { schema: { type: 'array', items: ref('BatchResult') } },
          'application/x-ndjson': { schema: { type: 'string' } },
          'text/csv': { schema: { type: 'string' } },
        },
      },
    },
    codes: ['batch_id_invalid', 'batch_not_found'],
  },
];
