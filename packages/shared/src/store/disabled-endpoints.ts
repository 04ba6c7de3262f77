/**
 * Endpoints that answered 410, "gone", and are sent nothing until a test event of theirs succeeds, or for a week.
 *
 *   enabled → disabled (410) → enabled (a test event was delivered; or the key's TTL)
 *
 * An endpoint is an owner and an address, so that no client can silence another's. It is known by a fingerprint, because
 * an address may hold a token, and the names of keys are seen by whoever looks at Redis.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { keys } from '../queues.js';

export const disabledSeconds = 7 * 86_400;

/** SHA-256 of owner and address, in hex; spellings of one address that the URL parser takes as the same are the same. */
export function endpointFingerprint(owner: string | undefined, url: string): string {
  const address = URL.canParse(url) ? new URL(url).href : url;
  return createHash('sha256')
    .update(JSON.stringify([owner ?? null, address]))
    .digest('hex');
}

export class DisabledEndpoints {
  constructor(private readonly redis: Redis) {}

  /** Resolves to whether it was enabled before. */
  async disable(fingerprint: string): Promise<boolean> {
    return (await this.redis.set(keys.disabledEndpoint(fingerprint), '1', 'EX', disabledSeconds, 'GET')) === null;
  }

  async enable(fingerprint: string): Promise<void> {
    await this.redis.unlink(keys.disabledEndpoint(fingerprint));
  }

  async isDisabled(fingerprint: string): Promise<boolean> {
    return (await this.redis.exists(keys.disabledEndpoint(fingerprint))) === 1;
  }
}
