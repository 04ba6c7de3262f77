/** The terms in which the API's operations are written down (operations-*.ts) and from which the document is made. */
import { errorRegistry, type ErrorCode } from '@quintet/shared';
import { plainStatus } from '../http/compat/plain-errors.js';
import type { Scope } from '../jobs/index.js';
import { ref, type SchemaName } from './schemas.js';

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

export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** With parameters in braces, as OpenAPI has them. */
  readonly path: string;
  readonly id: string;
  readonly tag: 'jobs' | 'batches' | 'webhooks' | 'service' | 'clients';
  readonly summary: string;
  readonly description?: string;
  /** What a key must be allowed; undefined where none is needed. */
  readonly scope?: Scope;
  readonly parameters?: readonly Parameter[];
  readonly body?: { readonly description: string; readonly content: Content };
  readonly answers: Readonly<Record<number, Answer>>;
  /** How it is called from a shell, where curl.ts cannot tell by itself. */
  readonly curl?: string;
  /** Whether its failures are those of another protocol (http/compat/plain-errors.ts), and it takes any Accept. */
  readonly plainErrors?: boolean;
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

export const idParameter = (name: string, description: string): Parameter => ({
  in: 'path',
  name,
  description,
  required: true,
  // Without a format: it is the `id` of an answer as it is, of which clients are not to know more.
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

/** Failures by status, each with the codes that it may have; `plainAt` is the path of an operation with plain errors. */
export function problemAnswers(codes: readonly ErrorCode[], plainAt?: string): Record<string, unknown> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of [...codes].sort()) {
    const { status: registered } = errorRegistry[code];
    const status = plainAt === undefined ? registered : plainStatus(plainAt, code, registered);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${errorRegistry[code].title}.`).join(' '),
        ...(status === 429 || status === 503 ? { headers: headersOf(['Retry-After']) } : {}),
        'x-error-codes': codes,
        // One schema for all: a client that is generated has one class of it, not one for each operation and status.
        content:
          plainAt === undefined
            ? { 'application/problem+json': { schema: ref('Problem') } }
            : { 'application/json': { schema: ref('PlainError') } },
      },
    ]),
  );
}

export function headersOf(names: readonly (keyof typeof responseHeaders)[]): Record<string, unknown> {
  return Object.fromEntries(
    names.map((name) => [name, { description: responseHeaders[name], schema: { type: 'string' } }]),
  );
}
