/** Operations on jobs. */
import { jobOptionsSchema, type ErrorCode } from '@quintet/shared';
import { jobOf, origin } from './curl.js';
import { idempotencyCodes, idempotencyParameter, json, preferParameter, idParameter } from './operation.js';
import type { Operation, Parameter } from './operation.js';
import { componentSchemas } from './schemas.js';

const jobId = idParameter('id', "The job's id.");

/** What is said of an upload before it is a job. */
export const uploadCodes: readonly ErrorCode[] = [
  'body_empty',
  'body_too_large',
  'concurrency_limited',
  'content_encoding_unsupported',
  'content_type_unsupported',
  'explanation_unsupported',
  'json_malformed',
  'model_not_found',
  'model_unavailable',
  'multipart_malformed',
  'option_conflict',
  'option_invalid',
  'option_unknown',
  'queue_full',
  'shutting_down',
  'storage_full',
  'upload_incomplete',
  'uploads_busy',
  'webhook_endpoint_disabled',
  'webhook_url_refused',
  'webhooks_disabled',
];

export const imageCodes: readonly ErrorCode[] = [
  'base64_invalid',
  'file_field_unexpected',
  'image_dimensions_invalid',
  'image_empty',
  'image_format_unsupported',
  'image_missing',
  'image_polyglot',
  'image_too_complex',
  'image_too_many_pixels',
  'image_truncated',
  'image_undecodable',
  'image_url_refused',
  'one_image_per_job',
];

export const cacheParameter: Parameter = {
  in: 'header',
  name: 'Cache-Control',
  description:
    '`no-cache`: have the model run, whatever is kept; `no-store`: also do not keep the answer for other jobs.',
  schema: { type: 'string' },
};

/**
 * The options of a job or a batch as query parameters: what the schema of its document has beside the pictures. A form may have
 * them as fields, too, which the OpenAPI document keeps to itself: generated clients would have two parameters of each.
 */
export function optionParameters(request: 'JobRequest' | 'BatchRequest'): Parameter[] {
  const { properties } = componentSchemas()[request] as { properties: Record<string, { description?: string }> };
  return Object.keys(jobOptionsSchema.shape).map((name) => {
    const { description = '', ...schema } = properties[name] ?? {};
    // An object has no form in a query that generators agree on.
    if (name !== 'metadata') return { in: 'query', name, description, schema };
    return { in: 'query', name, description: `${description} A JSON object, as text.`, schema: { type: 'string' } };
  });
}

export const pictureBytes = { schema: { type: 'string', format: 'binary' } } as const;

export const jobOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/jobs',
    id: 'submitJob',
    tag: 'jobs',
    scope: 'submit',
    summary: 'Submits a picture.',
    curl: `curl -H 'Prefer: wait=10' -F image=@photo.jpg ${origin}/v1/jobs`,
    description:
      'What a file is, its bytes decide, never its name or its Content-Type. Accepted is never lost: the answer is sent ' +
      'when the job is in Redis. Options are query parameters, whatever the body; members of JSON and fields of a form may be options, ' +
      'too. An option that is given twice must have the same value in both places.',
    parameters: [preferParameter, idempotencyParameter, cacheParameter, ...optionParameters('JobRequest')],
    body: {
      description:
        'The picture, in one of three forms. As the body itself, it may have any `image/*` as its Content-Type.',
      // JSON first: of several kinds, generated clients send the first, and name JSON as its type wherever it is among them.
      content: {
        ...json('JobRequest'),
        'multipart/form-data': {
          schema: {
            type: 'object',
            properties: { image: { ...pictureBytes.schema, description: 'The file.' } },
            required: ['image'],
          },
        },
        'application/octet-stream': pictureBytes,
      },
    },
    answers: {
      200: {
        description: 'The job, which has ended within the time that was asked for.',
        content: json('Job'),
        headers: ['Location', 'Preference-Applied', 'Idempotent-Replayed'],
      },
      202: {
        description: 'The job, which is accepted.',
        content: json('Job'),
        headers: ['Location', 'Preference-Applied', 'Idempotent-Replayed'],
      },
    },
    codes: [...uploadCodes, ...imageCodes, ...idempotencyCodes],
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}',
    id: 'readJob',
    tag: 'jobs',
    scope: 'read',
    summary: 'Reads a job, or waits for its end.',
    curl: `${jobOf()}\ncurl -H 'Prefer: wait=10' ${origin}/v1/jobs/$JOB`,
    parameters: [jobId, preferParameter],
    answers: { 200: { description: 'The job as it is now.', content: json('Job'), headers: ['Preference-Applied'] } },
    codes: ['job_id_invalid', 'job_not_found'],
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}/events',
    id: 'watchJob',
    tag: 'jobs',
    scope: 'read',
    summary: 'Streams the states of a job.',
    curl: `${jobOf()}\ncurl -N ${origin}/v1/jobs/$JOB/events`,
    description:
      'Server-sent events named `status`, each with the whole job: its place in the queue as it changes, its start and its ' +
      'end, after which the stream ends.',
    parameters: [
      jobId,
      {
        in: 'header',
        name: 'Last-Event-ID',
        description: 'The id of the last event that was received, by which a stream goes on where it was cut.',
        schema: { type: 'string' },
      },
    ],
    answers: {
      200: { description: 'The stream.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
      204: { description: 'The end has been received already.' },
    },
    codes: ['job_id_invalid', 'job_not_found', 'shutting_down', 'streams_busy'],
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}/explanation.png',
    id: 'readExplanation',
    tag: 'jobs',
    scope: 'read',
    summary: 'The heat map of a job that was submitted with `explain`.',
    description:
      'A PNG that covers `explanation.region` of the picture: transparent where nothing spoke for the most likely class, and ever ' +
      'more opaque and lighter where more did. It is there as long as the result, and never changes.',
    parameters: [
      jobId,
      {
        in: 'header',
        name: 'If-None-Match',
        description: 'The ETag of a heat map that is there already.',
        schema: { type: 'string' },
      },
    ],
    answers: {
      200: {
        description: 'The heat map.',
        content: { 'image/png': { schema: { type: 'string', format: 'binary' } } },
        headers: ['Cache-Control', 'ETag'],
      },
      304: { description: 'It is the one that is there already.' },
    },
    codes: ['explanation_not_found', 'job_id_invalid'],
  },
  {
    method: 'delete',
    path: '/v1/jobs/{id}',
    id: 'cancelJob',
    tag: 'jobs',
    scope: 'submit',
    summary: 'Cancels a job.',
    parameters: [jobId],
    answers: { 200: { description: 'The job, canceled.', content: json('Job') } },
    codes: ['job_id_invalid', 'job_not_found', 'job_finished'],
  },
];
