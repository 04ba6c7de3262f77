import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeSecret, signatureHeaders } from '../../../services/webhooks/src/deliver/sign.js';
import { verifyWebhook, WebhookVerificationError } from './webhook.js';

const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;
const secret = newSecret();
const other = newSecret();
const event = { type: 'webhook.test', timestamp: '2026-11-25T20:00:00.000Z', data: { delivery: 'msg_1', detail: 'ü' } };
const body = JSON.stringify(event);
const now = Date.parse('2026-11-25T20:00:01Z');

/** As the service signs. */
const signed = (secrets: readonly string[], sentMs = now, text = body) => ({
  ...signatureHeaders(secrets.map(decodeSecret), 'msg_1', new Date(sentMs), text),
});

describe('a webhook of the service', () => {
  it('is genuine, with headers of any kind and the body as bytes or as text', async () => {
    const headers = signed([secret]);
    expect(await verifyWebhook(headers, body, secret, { now })).toEqual(event);
    expect(await verifyWebhook(new Headers(headers), Buffer.from(body), secret, { now })).toEqual(event);
    const capitals = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));
    expect(await verifyWebhook(capitals, body, secret, { now })).toEqual(event);
  });

  it('is genuine by either key while they change, on either side', async () => {
    expect(await verifyWebhook(signed([other, secret]), body, secret, { now })).toEqual(event);
    expect(await verifyWebhook(signed([secret]), body, `${other} ${secret}`, { now })).toEqual(event);
  });

  it('is none with another key, another body, or other headers', async () => {
    const headers = signed([secret]);
    const cases: [Record<string, string>, string, string][] = [
      [headers, body, other],
      [headers, `${body} `, secret],
      [{ ...headers, 'webhook-id': 'msg_2' }, body, secret],
      [{ ...headers, 'webhook-timestamp': String(now / 1000 + 1) }, body, secret],
      [{ ...headers, 'webhook-signature': headers['webhook-signature'].replace('v1,', 'v2,') }, body, secret],
      [{ ...headers, 'webhook-signature': 'v1,%%% v1, nonsense' }, body, secret],
      [{ ...headers, 'webhook-timestamp': 'now' }, body, secret],
      [{}, body, secret],
      [headers, body, 'not a secret'],
    ];
    for (const [given, text, key] of cases) {
      await expect(verifyWebhook(given, text, key, { now })).rejects.toBeInstanceOf(WebhookVerificationError);
    }
  });

  it('is refused when it is older, or newer, than five minutes', async () => {
    await expect(verifyWebhook(signed([secret], now - 301_000), body, secret, { now })).rejects.toThrow('301 s old');
    await expect(verifyWebhook(signed([secret], now + 302_000), body, secret, { now })).rejects.toThrow('ahead');
    expect(await verifyWebhook(signed([secret], now - 299_000), body, secret, { now })).toEqual(event);
  });
});
