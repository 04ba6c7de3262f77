/** The terms in which routes write down their operations, and what several operations have in common. */
import { jobOptionsSchema, type ErrorCode } from '@quintet/shared';
import { componentSchemas, ref, type SchemaName } from './schemas.js';

export interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly description: string;
  readonly required?: boolean;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** Media type → what is in it. */
export type Content = Readonly<Record<string, { readonly schema: Readonly<Record<string, unknown>> }>>;

export interface Answer {
  readonly description: string;
  readonly content?: Content;
  readonly headers?: readonly (keyof typeof responseHeaders)[];
}

/** A row of the table of routes (http/routes.ts) says the rest. */
export interface Operation {
  readonly id: string;
  readonly tag: 'jobs' | 'batches' | 'webhooks' | 'service' | 'clients';
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly body?: { readonly description: string; readonly content: Content };
  readonly answers: Readonly<Record<number, Answer>>;
  /** How it is called from a shell, where samples.ts cannot tell by itself. */
  readonly curl?: string;
  /** The failures of this operation beside those of every one. */
  readonly codes?: readonly ErrorCode[];
}

/** Headers of answers that programs act on. */
export const responseHeaders = {
  Location: 'Where the resource is.',
  'Preference-Applied': 'What of the Prefer header was granted.',
  'Idempotent-Replayed': '`true` where an earlier request with the same Idempotency-Key has made this.',
  'Cache-Control': 'Who may keep the answer, and for how many seconds.',
  ETag: 'Names these bytes: a request with `If-None-Match` that names them too is answered 304.',
  'Retry-After': 'Seconds after which the same request may succeed.',
} as const;

export const json = (name: SchemaName): Content => ({ 'application/json': { schema: ref(name) } });

/** Without a format: it is part of an answer as it is, of which clients are not to know more. */
export const pathParameter = (name: string, description: string): Parameter => ({
  in: 'path',
  name,
  description,
  required: true,
  schema: { type: 'string' },
});

export const queryParameter = (
  name: string,
  description: string,
  schema: Readonly<Record<string, unknown>>,
): Parameter => ({ in: 'query', name, description, schema });

export const preferParameter: Parameter = {
  in: 'header',
  name: 'Prefer',
  description:
    '`wait=N` (RFC 7240): answer when the end is reached, or after N seconds at most, with the state as it is then; ' +
    'a bare `wait` asks for the longest wait there is. `respond-async` is understood.',
  schema: { type: 'string', examples: ['wait=10'] },
};

/** Those of an answer to a submission. */
export const submissionHeaders = ['Location', 'Preference-Applied', 'Idempotent-Replayed'] as const;

export const idempotencyParameter: Parameter = {
  in: 'header',
  name: 'Idempotency-Key',
  description:
    'Any text of up to 255 characters, in quotes or not: however often the request is sent, it is carried out once. Keys belong to the client and ' +
    'are kept for IDEMPOTENCY_TTL_SECONDS.',
  schema: { type: 'string', maxLength: 257 },
};

export const idempotencyCodes: readonly ErrorCode[] = [
  'idempotency_in_progress',
  'idempotency_key_invalid',
  'idempotency_key_reused',
];

/** What may be wrong with a small JSON body, and on its way. */
export const jsonBodyCodes: readonly ErrorCode[] = [
  'body_empty',
  'body_too_large',
  'content_encoding_unsupported',
  'content_type_unsupported',
  'json_malformed',
  'option_invalid',
  'option_unknown',
  'upload_incomplete',
];

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

/** What may be wrong with the bytes of a picture. */
const pictureCodes: readonly ErrorCode[] = [
  'base64_invalid',
  'image_dimensions_invalid',
  'image_empty',
  'image_format_unsupported',
  'image_polyglot',
  'image_too_complex',
  'image_too_many_pixels',
  'image_truncated',
  'image_undecodable',
];

export const imageCodes: readonly ErrorCode[] = [
  ...pictureCodes,
  'file_field_unexpected',
  'image_missing',
  'image_url_refused',
  'one_image_per_job',
];

/** What a request that waits for its answer may be told, beside what is wrong with it. */
export const visitCodes: readonly ErrorCode[] = [
  ...pictureCodes,
  'answer_timeout',
  'body_empty',
  'body_too_large',
  'concurrency_limited',
  'content_encoding_unsupported',
  'image_lost',
  'image_decode_timeout',
  'inference_failed',
  'job_canceled',
  'json_malformed',
  'model_not_found',
  'queue_full',
  'shutting_down',
  'storage_full',
  'upload_incomplete',
  'uploads_busy',
  'worker_lost',
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
export const text = { schema: { type: 'string' } } as const;

/** Failures that any operation may answer. */
export const commonCodes: readonly ErrorCode[] = [
  'internal_error',
  'method_not_allowed',
  'not_acceptable',
  'redis_unavailable',
  'request_malformed',
  'request_timeout',
];

/** Failures of operations for which a key is needed, where the service has keys or limits. */
export const accessCodes: readonly ErrorCode[] = [
  'api_key_invalid',
  'api_key_missing',
  'rate_limited',
  'scope_missing',
];
