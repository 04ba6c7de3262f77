/**
 * Lists of deliveries, newest first, a page at a time.
 *
 * Each state has a sorted set by the time of the last change, of every owner and of all (delivery-log.ts writes them). A
 * page goes on behind the place that its cursor names, so that what is added meanwhile shifts nothing; a delivery that
 * changes moves to the front. Ids whose log has expired are passed over.
 */
import type { Redis } from 'ioredis';
import { deliveryStates, type Delivery, type DeliveryState } from '../delivery.js';
import { keys } from '../queues.js';
import { logSeconds, type DeliveryLog } from './delivery-log.js';

/** A place in a list: the last delivery that was shown. */
export interface DeliveryPlace {
  /** Unix ms. */
  readonly time: number;
  readonly id: string;
}

export interface DeliveryQuery {
  /** Of whom; all where it is absent. */
  readonly owner?: string | undefined;
  /** All states where it is absent. */
  readonly state?: DeliveryState | undefined;
  readonly limit: number;
  readonly after?: DeliveryPlace | undefined;
}

export interface DeliveryPage {
  readonly deliveries: readonly Delivery[];
  /** There where there may be more. */
  readonly next?: DeliveryPlace;
}

/** Opaque to clients: the format may change. */
export function writeCursor({ time, id }: DeliveryPlace): string {
  return Buffer.from(`${time} ${id}`).toString('base64url');
}

export function readCursor(text: string): DeliveryPlace | undefined {
  const match = /^(\d{1,15}) ([\w-]{1,128})$/.exec(Buffer.from(text, 'base64url').toString());
  return match?.[2] === undefined ? undefined : { time: Number(match[1]), id: match[2] };
}

export class DeliveryIndex {
  constructor(
    private readonly redis: Redis,
    private readonly log: Pick<DeliveryLog, 'readMany'>,
  ) {}

  async list({ owner, state, limit, after }: DeliveryQuery): Promise<DeliveryPage> {
    const sets = (state === undefined ? deliveryStates : [state]).map((each) => keys.deliveries(each, owner));
    const deliveries: Delivery[] = [];
    let place = after;
    for (;;) {
      const missing = limit - deliveries.length;
      const lists = await Promise.all(sets.map((set) => this.#behind(set, place, missing)));
      const places = lists.flat().sort(newestFirst).slice(0, missing);
      const found = await this.log.readMany(places.map(({ id }) => id));
      deliveries.push(...found.flatMap((each) => (each === undefined ? [] : [each.delivery])));
      place = places.at(-1) ?? place;
      if (places.length < missing) return { deliveries };
      if (deliveries.length === limit) return { deliveries, ...(place === undefined ? {} : { next: place }) };
    }
  }

  /** How many deliveries of all owners are in `state`, and were put into it within a week; of each state so many are listed. */
  async count(state: DeliveryState, now = Date.now()): Promise<number> {
    return this.redis.zcount(keys.deliveries(state), now - logSeconds * 1000, '+inf');
  }

  /** Up to `count` places of `set` behind `after`. */
  async #behind(set: string, after: DeliveryPlace | undefined, count: number): Promise<DeliveryPlace[]> {
    const from = after === undefined ? '+inf' : String(after.time);
    const found: DeliveryPlace[] = [];
    // Those of the cursor's own millisecond come again, and are left out.
    for (let offset = 0; ; offset += count) {
      const page = await this.redis.zrange(set, from, '-inf', 'BYSCORE', 'REV', 'LIMIT', offset, count, 'WITHSCORES');
      for (let i = 0; i + 1 < page.length; i += 2) {
        const place = { id: page[i] ?? '', time: Number(page[i + 1]) };
        if (after === undefined || newestFirst(after, place) < 0) found.push(place);
      }
      if (found.length >= count || page.length < 2 * count) return found.slice(0, count);
    }
  }
}

/** As Redis orders a reversed range: by time, then by id. Ids are ASCII. */
function newestFirst(a: DeliveryPlace, b: DeliveryPlace): number {
  if (a.time !== b.time) return b.time - a.time;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}
