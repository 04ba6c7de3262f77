import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSecret, signatureHeaders } from './sign.js';

describe('signatureHeaders', () => {
  it('gives the signature that the standard prints as its example', () => {
    const headers = signatureHeaders(
      [decodeSecret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')],
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      new Date(1_614_265_330_000),
      '{"test": 2432232314}',
    );
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
    expect(headers['webhook-timestamp']).toBe('1614265330');
  });

  it('verifies for a receiver that has only the headers, the raw bytes and the secret', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 24, max: 64 }), (body, length) => {
        const secret = `whsec_${randomBytes(length).toString('base64')}`;
        const headers = signatureHeaders([decodeSecret(secret)], 'msg_1', new Date(1_700_000_000_999), body);
        const signed = Buffer.concat([
          Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`),
          Buffer.from(body),
        ]);
        const expected = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
          .update(signed)
          .digest('base64');
        expect(headers['webhook-signature']).toBe(`v1,${expected}`);
        expect(headers['webhook-timestamp']).toBe('1700000000');
      }),
      { numRuns: 50 },
    );
  });

  it('signs with every key while they are changed, the newest first', () => {
    const keys = [1, 2, 3, 4].map((n) => Buffer.alloc(32, n));
    const at = new Date(1_700_000_000_000);
    const alone = keys.map((key) => signatureHeaders([key], 'msg_1', at, '{}')['webhook-signature']);
    const together = signatureHeaders(keys, 'msg_1', at, '{}');
    expect(together['webhook-signature']).toBe(alone.join(' '));
    expect(new Set(alone).size).toBe(4);
  });

  it('refuses a secret without its prefix', () => {
    expect(() => decodeSecret('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')).toThrow(/whsec_/);
  });
});
