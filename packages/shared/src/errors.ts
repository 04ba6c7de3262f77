/**
 * The error registry: every failure a client can meet has one stable `code` here, and nowhere else.
 *
 * A problem document (RFC 9457) is made from an entry plus a `detail` for the occasion. `retryable` says whether the
 * same request may succeed later without being changed. docs/errors.md is compared with this list by a test.
 */
import { z } from 'zod';

interface ErrorEntry {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
}

function entry(status: number, title: string, retryable = false): ErrorEntry {
  return { status, title, retryable };
}

export const errorRegistry = {
  // The request
  body_empty: entry(400, 'The request has no body'),
  image_missing: entry(400, 'The request has no image'),
  image_empty: entry(400, 'The image has no bytes'),
  one_image_per_job: entry(400, 'A job takes exactly one image'),
  file_field_unexpected: entry(400, 'The file is in a field of another name'),
  multipart_malformed: entry(400, 'The multipart body is malformed'),
  json_malformed: entry(400, 'The body is not valid JSON'),
  base64_invalid: entry(400, 'image_base64 is not base64'),
  upload_incomplete: entry(400, 'The upload ended early', true),
  option_unknown: entry(400, 'The request has an unknown option'),
  option_invalid: entry(400, 'An option has an invalid value'),
  option_conflict: entry(400, 'An option has two different values'),
  job_id_invalid: entry(400, 'The job id is malformed'),
  request_malformed: entry(400, 'The request is malformed'),
  job_not_found: entry(404, 'There is no such job'),
  model_not_found: entry(404, 'There is no such model'),
  route_not_found: entry(404, 'There is nothing at this address'),
  method_not_allowed: entry(405, 'The method is not allowed here'),
  not_acceptable: entry(406, 'No acceptable representation exists'),
  request_timeout: entry(408, 'The request took too long to arrive', true),
  job_finished: entry(409, 'The job has already finished'),
  body_too_large: entry(413, 'The upload is too large'),
  content_type_unsupported: entry(415, 'The content type of the body is not supported'),
  content_encoding_unsupported: entry(415, 'The content encoding of the body is not supported'),
  webhook_url_refused: entry(422, 'The webhook address is not allowed'),
  webhooks_disabled: entry(422, 'Webhooks are not configured on this service'),
  // The picture
  image_format_unsupported: entry(415, 'The image format is not supported'),
  image_truncated: entry(422, 'The image is incomplete'),
  image_undecodable: entry(422, 'The image cannot be decoded'),
  image_dimensions_invalid: entry(422, 'The image has no area'),
  image_too_many_pixels: entry(422, 'The image has too many pixels'),
  image_polyglot: entry(422, 'The file is an image and something else'),
  image_decode_timeout: entry(422, 'The image takes too long to decode'),
  // The service
  queue_full: entry(503, 'The queue is full', true),
  uploads_busy: entry(503, 'Too many uploads are under way', true),
  redis_unavailable: entry(503, 'The queue cannot be reached', true),
  shutting_down: entry(503, 'The service is shutting down', true),
  internal_error: entry(500, 'Something went wrong inside the service', true),
  // The job
  image_lost: entry(500, 'The stored image is gone', true),
  inference_failed: entry(500, 'The model failed on this job', true),
  worker_lost: entry(500, 'The workers that ran this job died', true),
  // Idempotency
  idempotency_key_invalid: entry(400, 'The Idempotency-Key is malformed'),
  idempotency_in_progress: entry(409, 'A request with this Idempotency-Key is being processed', true),
  idempotency_key_reused: entry(422, 'The Idempotency-Key was used for another request'),
  // Event streams
  streams_busy: entry(503, 'Too many event streams are open', true),
  // The picture's address
  image_url_refused: entry(422, 'The address of the image is not allowed'),
  image_url_unreachable: entry(502, 'The image cannot be fetched from its address', true),
  image_url_status: entry(422, 'The address of the image answers with something else than 200'),
  image_url_too_large: entry(413, 'The image at the address is too large'),
  image_url_redirects: entry(422, 'The address of the image redirects too often'),
  // Deliveries
  delivery_not_found: entry(404, 'There is no such delivery'),
  delivery_pending: entry(409, 'The delivery is still pending', true),
  webhook_endpoint_disabled: entry(422, 'The webhook address asked for no more'),
  // The client
  api_key_missing: entry(401, 'An API key is needed'),
  api_key_invalid: entry(401, 'The API key is not valid'),
  scope_missing: entry(403, 'The API key does not allow this'),
  rate_limited: entry(429, 'The client has made too many requests', true),
  concurrency_limited: entry(429, 'The client has too many open jobs', true),
  storage_full: entry(503, 'The memory for pictures is full', true),
  // The batch
  batch_id_invalid: entry(400, 'The batch id is malformed'),
  batch_empty: entry(400, 'The batch has no pictures'),
  archive_malformed: entry(400, 'The archive is malformed'),
  batch_not_found: entry(404, 'There is no such batch'),
  batch_finished: entry(409, 'The batch has already finished'),
  batch_too_many_items: entry(413, 'The batch has too many items'),
  batch_too_large: entry(413, 'The batch is too large'),
  archive_entry_encrypted: entry(422, 'The file in the archive is encrypted'),
  archive_entry_unreadable: entry(422, 'The file in the archive cannot be read'),
  archive_entry_expands: entry(422, 'The file in the archive is larger than it says'),
  // The picture, as a load
  image_too_complex: entry(422, 'The image takes too much to decode'),
  // Other clients' protocols
  infer_request_invalid: entry(400, 'The inference request is invalid'),
  model_unavailable: entry(503, 'No worker serves the model now', true),
  job_canceled: entry(409, 'The job was canceled'),
  answer_timeout: entry(504, 'The answer did not come in time', true),
  // The explanation
  explanation_not_found: entry(404, 'There is no such explanation'),
  explanation_unsupported: entry(422, 'The model cannot explain its answers'),
  // The correction
  job_not_succeeded: entry(409, 'The job has no result to correct'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorRegistry;

export const errorCodes = Object.keys(errorRegistry) as [ErrorCode, ...ErrorCode[]];

/** One invalid value of a request: what is wrong, and where (a JSON pointer as a URI fragment, RFC 9457 section 3). */
export const fieldErrorSchema = z.object({ detail: z.string(), pointer: z.string() });
export type FieldError = z.infer<typeof fieldErrorSchema>;

/** An RFC 9457 problem document. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  instance: z.string().optional(),
  code: z.enum(errorCodes),
  retryable: z.boolean(),
  request_id: z.string().optional(),
  errors: z.array(fieldErrorSchema).optional(),
});
export type Problem = z.infer<typeof problemSchema>;

export interface ProblemOptions {
  readonly errors?: readonly FieldError[];
  /** Extra response headers, such as `Allow` or `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** A failure that is told to the client as the registry's entry `code` with this `detail`. */
export class ProblemError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryable: boolean;
  readonly errors: readonly FieldError[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ProblemError';
    this.code = code;
    this.status = errorRegistry[code].status;
    this.retryable = errorRegistry[code].retryable;
    this.errors = options.errors;
    this.headers = options.headers ?? {};
  }

  /** The problem document of this failure. */
  toProblem(): Problem {
    return problem(this.code, this.message, this.errors);
  }
}

/** Builds the problem document of `code`. The type is a URN: stable, and independent of where the service runs. */
export function problem(code: ErrorCode, detail?: string, errors?: readonly FieldError[]): Problem {
  const { status, title, retryable } = errorRegistry[code];
  return {
    type: `urn:quintet:error:${code}`,
    title,
    status,
    ...(detail === undefined ? {} : { detail }),
    code,
    retryable,
    ...(errors === undefined ? {} : { errors: [...errors] }),
  };
}
