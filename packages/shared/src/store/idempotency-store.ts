/**
 * What an Idempotency-Key stands for: `{quintet}:idempotency:<hash>`, a hash of fingerprint, id, state and claimed_ms.
 *
 *   absent → pending (claim) → done (settle) → absent (TTL)
 *            pending → absent (release: the submission failed)
 *            pending or done → pending of another (claim with `instead`: the resource it names does not exist)
 *
 * Invariant: of any number of claims at once exactly one is told that it has the key, and `settle` and `release` touch only
 * the claim of their own id. Age is by Redis' clock: no host's clock is trusted.
 */
import type { Redis } from 'ioredis';
import { keys } from '../queues.js';
import { runScript } from './scripts.js';

/** What the key stands for already. */
export interface KnownKey {
  readonly state: 'pending' | 'done';
  readonly fingerprint: string;
  /** Of the resource that was, or is being, made under this key. */
  readonly id: string;
  readonly ageMs: number;
}

export class IdempotencyStore {
  constructor(
    private readonly redis: Redis,
    private readonly ttlSeconds: number,
  ) {}

  /**
   * Claims `hash` for the resource `id`, where the key is free or stands for the resource `instead`; undefined says that
   * it is claimed, otherwise nothing has changed and it stands for what is returned.
   */
  async claim(hash: string, fingerprint: string, id: string, instead = ''): Promise<KnownKey | undefined> {
    const words = [fingerprint, id, this.ttlSeconds * 1000, instead];
    const known = await runScript(this.redis, 'claim-idempotency-key', [keys.idempotency(hash)], ...words);
    if (known === null) return undefined;
    const [state, knownFingerprint, knownId, ageMs] = known;
    return { state, fingerprint: knownFingerprint, id: knownId, ageMs };
  }

  /** The resource `id` exists now. */
  async settle(hash: string, id: string): Promise<void> {
    await runScript(this.redis, 'settle-idempotency-key', [keys.idempotency(hash)], id);
  }

  /** There will be no resource `id`. */
  async release(hash: string, id: string): Promise<void> {
    await runScript(this.redis, 'release-idempotency-key', [keys.idempotency(hash)], id);
  }

  /** Whether the key stands for something, made or being made. */
  async knows(hash: string): Promise<boolean> {
    return (await this.redis.exists(keys.idempotency(hash))) === 1;
  }
}
