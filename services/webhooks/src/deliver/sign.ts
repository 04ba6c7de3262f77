/**
 * Signatures as Standard Webhooks defines them: HMAC-SHA256 of `<id>.<timestamp>.<raw body>`, in base64, after `v1,`. While
 * receivers change from one key to the next there is a signature by each, separated by spaces; one that fits is enough.
 */
import { createHmac } from 'node:crypto';

interface SignatureHeaders {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
}

/** The key's bytes from its written form, `whsec_` and base64. Throws where the form is another. */
export function decodeSecret(secret: string): Buffer {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  if (encoded === undefined) throw new Error('a webhook secret is whsec_ and base64');
  return Buffer.from(encoded, 'base64');
}

/**
 * The headers of one attempt. `id` is the same on every attempt of a message, so that receivers can tell a repetition;
 * `sentAt` is this attempt's time, so that they can refuse a replay.
 */
export function signatureHeaders(keys: readonly Buffer[], id: string, sentAt: Date, body: string): SignatureHeaders {
  const timestamp = String(Math.floor(sentAt.getTime() / 1000));
  const signed = `${id}.${timestamp}.${body}`;
  const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(signed, 'utf8').digest('base64')}`);
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
