/**
 * The delivery log: what Redis keeps of a delivery beside BullMQ's queue entry.
 *
 *   {quintet}:delivery:<id>            hash: head (JSON, once), state, updated, next, entry, message (JSON)
 *   {quintet}:delivery:<id>:attempts   list of JSON, the newest `keptAttempts`
 *   {quintet}:deliveries:<whose>:<state>   sorted sets; see delivery-index.ts
 *
 *   absent → pending → delivered | failed → absent (TTL);  delivered | failed → pending (`reopen`)
 *
 * Each change is one script: the record and its places in the index cannot disagree. `message`, what is needed to send it
 * again, is kept from the first failure on: a delivery that succeeds at once does without, and is made anew from the job,
 * which is kept as long. So what the log takes of Redis is in proportion to the results that are kept anyway: failures stay
 * a week, successes as long as a result.
 * Invariant: `reopen` lets one of several callers through.
 * Trade-off: an attempt under way when its delivery is reopened still writes how it ended. Both sent the same message
 * under the same id, so either's word is true.
 */
import type { Redis } from 'ioredis';
import {
  deliveryAttemptSchema,
  deliveryHeadSchema,
  deliveryMessageSchema,
  deliveryStates,
  deliveryStateSchema,
  presentDelivery,
  type Delivery,
  type DeliveryAttempt,
  type DeliveryHead,
  type DeliveryMessage,
  type DeliveryState,
} from '../delivery.js';
import { keys } from '../queues.js';

export const keptAttempts = 20;
/** Of each state, for each owner and for all: so many are listed. Older ones can still be read by their id. */
export const mostListed = 10_000;
export const logSeconds = 7 * 86_400;
/** WEBHOOK_SCHEDULE_SECONDS and Retry-After allow no delay over a week, and jitter adds a fifth. */
const longestPendingMs = 2.4 * logSeconds * 1000;

// KEYS: hash, attempts, then the index of each state in the order of ARGV[13..]. ARGV: id, head, state, now, next, entry,
// attempt, message, kept attempts, ttl in ms, only if: '' | 'known' | 'state updated', most listed, then for each index
// its state and horizon in ms. Empty strings stand for what there is not.
const noteScript = `
if ARGV[11] == 'known' then
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
elseif ARGV[11] ~= '' then
  local was = redis.call('HMGET', KEYS[1], 'state', 'updated')
  if (was[1] or '') .. ' ' .. (was[2] or '') ~= ARGV[11] then return 0 end
end
if ARGV[2] ~= '' then redis.call('HSETNX', KEYS[1], 'head', ARGV[2]) end
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'updated', ARGV[4])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'next', ARGV[5]) else redis.call('HDEL', KEYS[1], 'next') end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'entry', ARGV[6]) end
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'message', ARGV[8]) end
redis.call('PEXPIRE', KEYS[1], ARGV[10])
if ARGV[7] ~= '' then
  redis.call('RPUSH', KEYS[2], ARGV[7])
  redis.call('LTRIM', KEYS[2], -tonumber(ARGV[9]), -1)
end
redis.call('PEXPIRE', KEYS[2], ARGV[10])
for i = 3, #KEYS do
  local state, horizon = ARGV[13 + 2 * (i - 3)], ARGV[14 + 2 * (i - 3)]
  if state == ARGV[3] then
    redis.call('ZADD', KEYS[i], ARGV[4], ARGV[1])
    redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', ARGV[4] - horizon)
    redis.call('ZREMRANGEBYRANK', KEYS[i], 0, -ARGV[12] - 1)
    redis.call('PEXPIRE', KEYS[i], horizon)
  else
    redis.call('ZREM', KEYS[i], ARGV[1])
  end
end
return 1
`;

interface ScriptedRedis extends Redis {
  quintetNoteDelivery(keyCount: number, ...keysAndValues: (string | number)[]): Promise<0 | 1>;
}

/** A change of a delivery. What is absent stays as it is, but `next`, which is removed. */
export interface DeliveryNote {
  readonly state: DeliveryState;
  /** Unix ms. */
  readonly now: number;
  /** When the next attempt is due, Unix ms. */
  readonly next?: number | undefined;
  readonly attempt?: DeliveryAttempt | undefined;
  readonly message?: DeliveryMessage | undefined;
  /** The queue entry that is to send it. */
  readonly entry?: string | undefined;
}

/** A delivery as the log has it. */
export interface LoggedDelivery {
  readonly head: DeliveryHead;
  readonly state: DeliveryState;
  readonly updated: number;
  readonly entry: string | undefined;
  readonly message: DeliveryMessage | undefined;
}

export class DeliveryLog {
  readonly #redis: ScriptedRedis;
  readonly #ttlMs: Readonly<Record<DeliveryState, number>>;

  /** `resultSeconds`: how long a job's result is kept. */
  constructor(redis: Redis, resultSeconds: number) {
    redis.defineCommand('quintetNoteDelivery', { lua: noteScript });
    this.#redis = redis as ScriptedRedis;
    const delivered = 1000 * Math.min(resultSeconds, logSeconds);
    this.#ttlMs = { pending: longestPendingMs, delivered, failed: logSeconds * 1000 };
  }

  /** Notes a change, and begins the log of a delivery that has none yet. */
  async note(id: string, head: DeliveryHead, note: DeliveryNote): Promise<void> {
    await this.#write(id, head.owner, JSON.stringify(head), note, '');
  }

  /** The same for a delivery that may not be logged; nothing is written then. */
  async noteKnown(id: string, note: DeliveryNote): Promise<void> {
    const owner = (await this.peek(id))?.head.owner;
    await this.#write(id, owner, '', note, 'known');
  }

  /** Makes it pending again, unless it has changed since it was read as `was`; whether it did. */
  async reopen(id: string, was: LoggedDelivery, entry: string, now: number): Promise<boolean> {
    const note = { state: 'pending', now, entry } as const;
    return (await this.#write(id, was.head.owner, '', note, `${was.state} ${was.updated}`)) === 1;
  }

  /** Everything but the attempts. */
  async peek(id: string): Promise<LoggedDelivery | undefined> {
    return readHash(await this.#redis.hgetall(keys.delivery(id)));
  }

  async read(id: string): Promise<{ readonly delivery: Delivery; readonly head: DeliveryHead } | undefined> {
    const [found] = await this.readMany([id]);
    return found;
  }

  /** In the order of `ids`; undefined for what is no longer kept. One round trip. */
  async readMany(ids: readonly string[]) {
    if (ids.length === 0) return [];
    const pipeline = this.#redis.pipeline();
    for (const id of ids) pipeline.hgetall(keys.delivery(id)).lrange(keys.deliveryAttempts(id), '0', '-1');
    const replies = (await pipeline.exec()) ?? [];
    const values = replies.map(([error, value]) => {
      if (error) throw error;
      return value;
    });
    return ids.map((id, index) => {
      const fields = values[2 * index] as Record<string, string>;
      const logged = readHash(fields);
      if (logged === undefined) return undefined;
      const attempts = (values[2 * index + 1] as string[]).map((text) => deliveryAttemptSchema.parse(JSON.parse(text)));
      const { state, updated } = logged;
      const next = fields['next'] === undefined ? undefined : Number(fields['next']);
      return { delivery: presentDelivery(id, logged.head, { state, updated, next, attempts }), head: logged.head };
    });
  }

  #write(id: string, owner: string | undefined, head: string, note: DeliveryNote, onlyIf: string): Promise<0 | 1> {
    const { state, now, next, attempt, message, entry = '' } = note;
    const scopes = owner === undefined ? [undefined] : [undefined, owner];
    const indexes = scopes.flatMap((scope) =>
      deliveryStates.map((each) => ({ each, key: keys.deliveries(each, scope) })),
    );
    // The time to the next attempt comes on top, so that a delivery is never forgotten while it waits.
    const ttl = state === 'pending' ? logSeconds * 1000 + Math.max(0, (next ?? now) - now) : this.#ttlMs[state];
    return this.#redis.quintetNoteDelivery(
      2 + indexes.length,
      keys.delivery(id),
      keys.deliveryAttempts(id),
      ...indexes.map(({ key }) => key),
      ...[id, head, state, now, next ?? '', entry],
      ...[attempt, message].map((value) => (value === undefined ? '' : JSON.stringify(value))),
      ...[keptAttempts, ttl, onlyIf, mostListed],
      ...indexes.flatMap(({ each }) => [each, this.#ttlMs[each]]),
    );
  }
}

function readHash(fields: Readonly<Record<string, string | undefined>>): LoggedDelivery | undefined {
  const { head, state, updated, entry, message } = fields;
  if (head === undefined || state === undefined) return undefined;
  return {
    head: deliveryHeadSchema.parse(JSON.parse(head)),
    state: deliveryStateSchema.parse(state),
    updated: Number(updated),
    entry,
    message: message === undefined ? undefined : deliveryMessageSchema.parse(JSON.parse(message)),
  };
}
