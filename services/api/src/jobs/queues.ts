/**
 * The API's side of BullMQ: a Queue per model, the webhook queue and the flow producer, on one `request` connection.
 *
 * A job is one entry, or a flow: deliver ← classify ← fetch, each only where it is needed, and each waiting, in the state
 * `waiting-children`, until the one after it has ended, however it ended. All of a flow reaches Redis in one transaction.
 *
 * BullMQ waits for its connection for ever, and a Queue whose first INFO fails stays broken. So none is made or used
 * unless the connection is ready, and each starts without that first round trip (`skipVersionCheck`): a lost Redis is an
 * error at once, and everything works again when it is back.
 */
import type { EventEmitter } from 'node:events';
import { FlowProducer, Queue } from 'bullmq';
import {
  classifyQueueName,
  keyPrefix,
  webhookQueueName,
  type ClassifyOrder,
  type DeliveryOrder,
  type FetchOrder,
  type Progress,
  type Redis,
} from '@quintet/shared';
import { asChild, asChildOf, classifyEntry, deliveryEntry, type QueuedOrder } from './queue-entries.js';
import { waitingLists, type QueueLists, type WaitingList } from './queue-positions.js';
import { requireRedis } from './redis-guard.js';

/** States whose jobs wait for a worker, or for their picture. */
const waitingStates = ['waiting', 'prioritized', 'delayed', 'waiting-children'] as const;
const reportedStates = [...waitingStates, 'active', 'failed'] as const;

/** What goes before and after a classify order. */
export interface AroundOrder {
  readonly delivery: DeliveryOrder | undefined;
  readonly fetch: FetchOrder | undefined;
}

/** The front of a queue, where workers take. */
export interface QueueFront {
  readonly paused: boolean;
  /** The job that is next; undefined where none waits for a worker. */
  readonly id: string | undefined;
  /** Whether the job that was asked about has not been taken. */
  readonly formerWaits: boolean;
}

export type QueueState = Progress | 'ended' | 'absent';

export class Queues implements QueueLists {
  readonly #queues = new Map<string, Queue>();
  #flows: FlowProducer | undefined;

  constructor(private readonly redis: Redis) {}

  /**
   * Puts the order into its model's queue, atomically with what is around it: a webhook delivery that begins when it has
   * ended, and the fetch of its picture that has to end before it begins.
   */
  async add(order: ClassifyOrder, priority: number, { delivery, fetch }: AroundOrder): Promise<void> {
    requireRedis(this.redis);
    const classify = classifyEntry({ order, fetch }, priority);
    if (delivery !== undefined) {
      await this.#flow().add({ ...deliveryEntry(delivery), children: [asChild(classify)] });
    } else if (fetch !== undefined) {
      await this.#flow().add(classify);
    } else {
      await this.#queue(classify.queueName).add(classify.name, classify.data, classify.opts);
    }
  }

  /**
   * Puts items of a batch into their queue; with `delivery`, as children of it. The first call with items makes the delivery
   * too, in one step with them; later ones, with `attach`, add children to it. Called with few at a time: BullMQ packs and
   * sends them in one turn.
   */
  async addItems(
    items: readonly QueuedOrder[],
    priority: number,
    delivery?: { readonly order: DeliveryOrder; readonly attach: boolean },
  ): Promise<void> {
    requireRedis(this.redis);
    const entries = items.map((item) => classifyEntry(item, priority));
    const [first] = entries;
    if (first === undefined) return;
    if (delivery !== undefined && !delivery.attach) {
      await this.#flow().add({ ...deliveryEntry(delivery.order), children: entries.map(asChild) });
    } else if (delivery !== undefined) {
      await this.#flow().addBulk(entries.map((entry) => asChildOf(delivery.order, entry)));
    } else if (entries.some(({ children }) => children !== undefined)) {
      await this.#flow().addBulk(entries);
    } else {
      await this.#queue(first.queueName).addBulk(entries.map(({ name, data, opts }) => ({ name, data, opts })));
    }
  }

  /** Puts a delivery into the webhook queue that nothing comes before; `entry` is its name there. */
  async addDelivery(order: DeliveryOrder, entry?: string): Promise<void> {
    requireRedis(this.redis);
    const { queueName, name, data, opts } = deliveryEntry(order, entry);
    await this.#queue(queueName).add(name, data, opts);
  }

  /** Whether the webhook queue has yet to deal with the delivery `entry`. */
  async deliveryWaits(entry: string): Promise<boolean> {
    requireRedis(this.redis);
    const state = await this.#queue(webhookQueueName).getJobState(entry);
    return !['unknown', 'failed', 'completed'].includes(state);
  }

  /** How far the queue entry of a job is; `ended` and `absent` say nothing of the outcome, which the job store keeps. */
  async state(model: string, id: string): Promise<QueueState> {
    requireRedis(this.redis);
    const queue = this.#queue(classifyQueueName(model));
    const state = await queue.getJobState(id);
    if (state === 'unknown') return 'absent';
    if (state === 'failed' || state === 'completed') return 'ended';
    if (state !== 'active') return { status: 'queued' };
    const job = await queue.getJob(id);
    const startedAt = job?.processedOn;
    return { status: 'processing', ...(startedAt === undefined ? {} : { startedAt: new Date(startedAt) }) };
  }

  /**
   * Takes a waiting job out of its queue, with the fetch before it; a webhook delivery after it starts then. Leaves a running
   * one alone, also where it is the fetch that runs, which notices by itself: false then.
   */
  async remove(model: string, id: string): Promise<boolean> {
    requireRedis(this.redis);
    return (await this.#queue(classifyQueueName(model)).remove(id)) === 1;
  }

  /** How many jobs of `model` wait for a worker, or for their picture. */
  async waiting(model: string): Promise<number> {
    requireRedis(this.redis);
    const counts = await this.#queue(classifyQueueName(model)).getJobCounts(...waitingStates);
    return waitingStates.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  }

  /** How many jobs of `model` wait, for a worker or for their picture, and how many a worker holds. */
  async depth(model: string): Promise<{ waiting: number; active: number }> {
    const [waiting, { active = 0 }] = await Promise.all([
      this.waiting(model),
      this.#queue(classifyQueueName(model)).getJobCounts('active'),
    ]);
    return { waiting, active };
  }

  /** How many jobs go before one of this priority that is added in the same turn of the event loop. */
  async ahead(model: string, priority: number): Promise<number> {
    requireRedis(this.redis);
    const first = this.redis.llen(this.#key(model, 'wait'));
    if (priority === 0) return first;
    // BullMQ's score: the priority times 2^32, plus a counter.
    const before = this.redis.zcount(this.#key(model, 'prioritized'), '-inf', (priority + 1) * 2 ** 32 - 1);
    const counts = await Promise.all([first, before]);
    return counts[0] + counts[1];
  }

  /** What is next in the queue of `model`, and whether `former` waits there still: one round trip. */
  async front(model: string, former: string | undefined): Promise<QueueFront> {
    requireRedis(this.redis);
    const prioritized = this.#key(model, 'prioritized');
    const [isPaused, next, [nextOfPriority], score] = await Promise.all([
      this.redis.hexists(this.#key(model, 'meta'), 'paused'),
      this.redis.lindex(this.#key(model, 'wait'), -1),
      this.redis.zrange(prioritized, '0', '0'),
      former === undefined ? null : this.redis.zscore(prioritized, former),
    ]);
    const id = next ?? nextOfPriority;
    return { paused: isPaused === 1, id, formerWaits: former !== undefined && (id === former || score !== null) };
  }

  async lengths(model: string): Promise<Record<WaitingList, number>> {
    requireRedis(this.redis);
    const lengths = await Promise.all(
      waitingLists.map(async (list) => {
        const key = this.#key(model, list);
        return [list, await (list === 'wait' ? this.redis.llen(key) : this.redis.zcard(key))] as const;
      }),
    );
    return Object.fromEntries(lengths) as Record<WaitingList, number>;
  }

  async range(model: string, list: WaitingList, from: number, to: number): Promise<string[]> {
    requireRedis(this.redis);
    const key = this.#key(model, list);
    if (list !== 'wait') return this.redis.zrange(key, String(from), String(to));
    // Jobs are pushed at its head and taken from its end.
    return (await this.redis.lrange(key, -1 - to, -1 - from)).reverse();
  }

  async active(model: string, most: number): Promise<string[]> {
    requireRedis(this.redis);
    return this.redis.lrange(this.#key(model, 'active'), 0, most - 1);
  }

  /** Jobs by state of the queue `name`. */
  async counts(name: string): Promise<Record<string, number>> {
    requireRedis(this.redis);
    return this.#queue(name).getJobCounts(...reportedStates);
  }

  async close(): Promise<void> {
    const open = [...this.#queues.values(), ...(this.#flows === undefined ? [] : [this.#flows])];
    await Promise.allSettled(open.map((each) => each.close()));
  }

  #key(model: string, list: WaitingList | 'active' | 'meta'): string {
    return this.#queue(classifyQueueName(model)).toKey(list);
  }

  #flow(): FlowProducer {
    this.#flows ??= silent(new FlowProducer({ connection: this.redis, prefix: keyPrefix, skipVersionCheck: true }));
    return this.#flows;
  }

  #queue(name: string): Queue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = silent(new Queue(name, { connection: this.redis, prefix: keyPrefix, skipVersionCheck: true }));
      this.#queues.set(name, queue);
    }
    return queue;
  }
}

/** The connection logs its own errors, once; BullMQ repeats each of them per queue, and nobody listening is fatal. */
function silent<T extends EventEmitter>(emitter: T): T {
  emitter.on('error', () => undefined);
  return emitter;
}
