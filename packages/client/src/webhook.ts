/**
 * Verifies a webhook, as Standard Webhooks defines it: HMAC-SHA256 of `<id>.<timestamp>.<body>`.
 *
 * The service has a signer of its own (services/webhooks), which this shares nothing with: this package is published by
 * itself, and runs where node:crypto is not. A test holds one against the other. Web Crypto's `verify` compares in constant time.
 */
import type { WebhookEvent } from './types.js';

/** Seconds that sender's and receiver's clocks, and the way between them, may differ; what is older may be a replay. */
const toleranceSeconds = 5 * 60;

/** Headers as node:http, Express, Fetch and most others have them. */
export type WebhookHeaders =
  { get(name: string): string | null } | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface VerifyOptions {
  /** Milliseconds since 1970; the clock's by default. */
  readonly now?: number;
}

/** The webhook is not what the holder of the secret sent a moment ago: answer with 401, and do nothing. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError';
}

/**
 * The event of a webhook. `body`: the raw bytes, or the text, as they came, before any JSON parser. `secret`: `whsec_…`, or several,
 * separated by spaces as in WEBHOOK_SECRET, while they change. Rejects with WebhookVerificationError.
 */
export async function verifyWebhook(
  headers: WebhookHeaders,
  body: Uint8Array | string,
  secret: string,
  { now = Date.now() }: VerifyOptions = {},
): Promise<WebhookEvent> {
  const id = headerOf(headers, 'webhook-id');
  const timestamp = headerOf(headers, 'webhook-timestamp');
  const signatures = headerOf(headers, 'webhook-signature');
  if (id === '' || signatures === '' || !/^\d{1,12}$/.test(timestamp)) {
    throw new WebhookVerificationError(
      'webhook-id, webhook-timestamp or webhook-signature is missing: this is no webhook',
    );
  }
  const age = now / 1000 - Number(timestamp);
  if (Math.abs(age) > toleranceSeconds) {
    const how = age > 0 ? `${Math.round(age)} s old` : `from ${Math.round(-age)} s ahead`;
    throw new WebhookVerificationError(`the webhook is ${how}: a replay, or a clock is wrong`);
  }
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const signed = concat(new TextEncoder().encode(`${id}.${timestamp}.`), bytes);
  const keys = await Promise.all(
    secret
      .trim()
      .split(/\s+/)
      .map((each) => importKey(each)),
  );
  if (!(await anyFits(keys, signatures, signed))) {
    throw new WebhookVerificationError('no signature fits: another secret, or the body is not as it was sent');
  }
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as WebhookEvent;
  } catch {
    throw new WebhookVerificationError('the body is no JSON');
  }
}

type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** More signatures than any sender makes are not tried. */
const mostSignatures = 16;

async function anyFits(keys: readonly Key[], signatures: string, signed: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const candidates = signatures
    .split(' ')
    .slice(0, mostSignatures)
    .flatMap((each) => (each.startsWith('v1,') ? [decodeBase64(each.slice(3))] : []));
  for (const key of keys) {
    for (const candidate of candidates) {
      if (candidate !== undefined && (await crypto.subtle.verify('HMAC', key, candidate, signed))) return true;
    }
  }
  return false;
}

async function importKey(secret: string): Promise<Key> {
  const bytes = secret.startsWith('whsec_') ? decodeBase64(secret.slice('whsec_'.length)) : undefined;
  if (bytes === undefined || bytes.length === 0) {
    throw new WebhookVerificationError('a webhook secret is whsec_ and base64');
  }
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

function headerOf(headers: WebhookHeaders, name: string): string {
  if (isHeaders(headers)) return headers.get(name) ?? '';
  const found = Object.entries(headers).find(([each]) => each.toLowerCase() === name)?.[1];
  return typeof found === 'string' ? found : '';
}

function isHeaders(headers: WebhookHeaders): headers is Extract<WebhookHeaders, { get: unknown }> {
  return typeof headers['get'] === 'function';
}
