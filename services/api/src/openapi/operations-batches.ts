/** Operations on batches. */
import { batchOf, origin } from './curl.js';
import { idempotencyCodes, idempotencyParameter, json, preferParameter, idParameter } from './operation.js';
import type { Operation } from './operation.js';
import { cacheParameter, optionParameters, pictureBytes, uploadCodes } from './operations-jobs.js';
import { ref } from './schemas.js';

const batchId = idParameter('id', "The batch's id.");

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
      'Each is a job like any other; one that is no picture fails alone. Options are those of a job, for every item: query parameters, ' +
      'whatever the body; members of JSON and fields of a form may be options, too.',
    parameters: [preferParameter, idempotencyParameter, cacheParameter, ...optionParameters('BatchRequest')],
    body: {
      description:
        'The pictures: a list of addresses or base64, a form with many files, or a ZIP or TAR archive, compressed with gzip or not. An archive ' +
        'may also have `application/zip`, `application/x-tar` or `application/gzip` as its Content-Type.',
      content: {
        ...json('BatchRequest'),
        'multipart/form-data': {
          schema: {
            type: 'object',
            properties: { images: { type: 'array', items: pictureBytes.schema, description: 'The files.' } },
            required: ['images'],
          },
        },
        'application/octet-stream': pictureBytes,
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
      200: { description: 'The batch as it is now.', content: json('Batch'), headers: ['Preference-Applied'] },
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
