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

/** What the key stands for already. */
export interface KnownKey {
  readonly state: 'pending' | 'done';
  readonly fingerprint: string;
  /** Of the resource that was, or is being, made under this key. */
  readonly id: string;
  readonly ageMs: number;
}

// KEYS: key. ARGV: fingerprint, id, TTL in ms, the id in whose place it may be claimed ('' for none).
const claimScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', KEYS[1], 'state', 'fingerprint', 'id', 'claimed_ms')
if known[1] and known[3] ~= ARGV[4] then
  return {known[1], known[2], known[3], now - known[4]}
end
redis.call('HSET', KEYS[1], 'state', 'pending', 'fingerprint', ARGV[1], 'id', ARGV[2], 'claimed_ms', now)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return false
`;

// KEYS: key. ARGV: id.
const settleScript = `
if redis.call('HGET', KEYS[1], 'id') == ARGV[1] then redis.call('HSET', KEYS[1], 'state', 'done') end
`;
const releaseScript = `
if redis.call('HGET', KEYS[1], 'id') == ARGV[1] then redis.call('UNLINK', KEYS[1]) end
`;

interface ScriptedRedis extends Redis {
  quintetClaimKey(
    key: string,
    fingerprint: string,
    id: string,
    ttl: number,
    instead: string,
  ): Promise<[KnownKey['state'], string, string, number] | null>;
  quintetSettleKey(key: string, id: string): Promise<null>;
  quintetReleaseKey(key: string, id: string): Promise<null>;
}

export class IdempotencyStore {
  readonly #redis: ScriptedRedis;

  constructor(
    redis: Redis,
    private readonly ttlSeconds: number,
  ) {
    redis.defineCommand('quintetClaimKey', { numberOfKeys: 1, lua: claimScript });
    redis.defineCommand('quintetSettleKey', { numberOfKeys: 1, lua: settleScript });
    redis.defineCommand('quintetReleaseKey', { numberOfKeys: 1, lua: releaseScript });
    this.#redis = redis as ScriptedRedis;
  }

  /**
   * Claims `hash` for the resource `id`, where the key is free or stands for the resource `instead`; undefined says that
   * it is claimed, otherwise nothing has changed and it stands for what is returned.
   */
  async claim(hash: string, fingerprint: string, id: string, instead = ''): Promise<KnownKey | undefined> {
    const key = keys.idempotency(hash);
    const known = await this.#redis.quintetClaimKey(key, fingerprint, id, this.ttlSeconds * 1000, instead);
    if (known === null) return undefined;
    const [state, knownFingerprint, knownId, ageMs] = known;
    return { state, fingerprint: knownFingerprint, id: knownId, ageMs };
  }

  /** The resource `id` exists now. */
  async settle(hash: string, id: string): Promise<void> {
    await this.#redis.quintetSettleKey(keys.idempotency(hash), id);
  }

  /** There will be no resource `id`. */
  async release(hash: string, id: string): Promise<void> {
    await this.#redis.quintetReleaseKey(keys.idempotency(hash), id);
  }

  /** Whether the key stands for something, made or being made. */
  async knows(hash: string): Promise<boolean> {
    return (await this.#redis.exists(keys.idempotency(hash))) === 1;
  }
}
