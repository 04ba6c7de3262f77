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
import { runScript } from './scripts.js';

export const keptAttempts = 20;
/** Of each state, for each owner and for all: so many are listed. Older ones can still be read by their id. */
export const mostListed = 10_000;
export const logSeconds = 7 * 86_400;
/** WEBHOOK_SCHEDULE_SECONDS and Retry-After allow no delay over a week, and jitter adds a fifth. */
const longestPendingMs = 2.4 * logSeconds * 1000;

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
  readonly #ttlMs: Readonly<Record<DeliveryState, number>>;

  /** `resultSeconds`: how long a job's result is kept. */
  constructor(
    private readonly redis: Redis,
    resultSeconds: number,
  ) {
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
    return readHash(await this.redis.hgetall(keys.delivery(id)));
  }

  async read(id: string): Promise<{ readonly delivery: Delivery; readonly head: DeliveryHead } | undefined> {
    const [found] = await this.readMany([id]);
    return found;
  }

  /** In the order of `ids`; undefined for what is no longer kept. One round trip. */
  async readMany(ids: readonly string[]) {
    if (ids.length === 0) return [];
    const pipeline = this.redis.pipeline();
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
    return runScript(
      this.redis,
      'note-delivery',
      [keys.delivery(id), keys.deliveryAttempts(id), ...indexes.map(({ key }) => key)],
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
