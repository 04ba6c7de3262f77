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
import { FlowProducer, Queue, type FlowJobNode, type JobsOptions } from 'bullmq';
import {
  classifyJobPolicy,
  classifyQueueName,
  deliveryId,
  deliveryJobPolicy,
  fetchId,
  fetchJobPolicy,
  fetchQueueName,
  deliveryPolicyOf,
  keyPrefix,
  webhookQueueName,
  type ClassifyOrder,
  type DeliveryOrder,
  type FetchOrder,
  type Progress,
  type Redis,
} from '@quintet/shared';
import { waitingLists, type QueueLists, type WaitingList } from './queue-positions.js';
import { requireRedis } from './redis-guard.js';

/** States whose jobs wait for a worker, or for their picture. */
const waitingStates = ['waiting', 'prioritized', 'delayed', 'waiting-children'] as const;
const reportedStates = [...waitingStates, 'active', 'failed'] as const;

/**
 * BullMQ puts an entry whose child has ended at the head of its queue: of many, the last would go first and the first never.
 * One that has a delay goes to the end, as every other. In milliseconds.
 */
const queueAtEndDelay = 1;

/** What goes before and after a classify order. */
export interface AroundOrder {
  readonly delivery: DeliveryOrder | undefined;
  readonly fetch: FetchOrder | undefined;
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
    // BullMQ takes jobs without a priority first, then 1, 2, …: 0 is expressed by its absence.
    const urgency = priority > 0 ? { priority } : {};
    const options: JobsOptions = {
      ...classifyJobPolicy,
      jobId: order.id,
      ...urgency,
      ...(fetch === undefined ? {} : { delay: queueAtEndDelay }),
    };
    const queueName = classifyQueueName(order.model);
    if (delivery === undefined && fetch === undefined) {
      await this.#queue(queueName).add('classify', order, options);
      return;
    }
    // Whatever becomes of an entry, the one that waits for it begins, and finds out from the job store.
    const child = { ignoreDependencyOnFailure: true };
    let flow: FlowJobNode = { name: 'classify', queueName, data: order, opts: options };
    if (fetch !== undefined) {
      const opts = { ...fetchJobPolicy, jobId: fetchId(order.id), ...urgency, ...child };
      flow = { ...flow, children: [{ name: 'fetch', queueName: fetchQueueName, data: fetch, opts }] };
    }
    if (delivery !== undefined) {
      const opts = { ...deliveryJobPolicy, jobId: deliveryId(order.id) };
      const classify = { ...flow, opts: { ...options, ...child } };
      flow = { name: 'deliver', queueName: webhookQueueName, data: delivery, opts, children: [classify] };
    }
    this.#flows ??= silent(new FlowProducer({ connection: this.redis, prefix: keyPrefix, skipVersionCheck: true }));
    await this.#flows.add(flow);
  }

  /** Queues the delivery of a job that has ended already. */
  async deliver(delivery: DeliveryOrder): Promise<void> {
    requireRedis(this.redis);
    const options: JobsOptions = { ...deliveryJobPolicy, jobId: deliveryId(delivery.id) };
    await this.#queue(webhookQueueName).add('deliver', delivery, options);
  }

  /** Puts a delivery into the webhook queue that no classify job comes before; `entry` is its name there. */
  async addDelivery(order: DeliveryOrder, entry = deliveryId(order.id)): Promise<void> {
    requireRedis(this.redis);
    const options = { ...deliveryPolicyOf(order.kind ?? 'job'), jobId: entry };
    await this.#queue(webhookQueueName).add('deliver', order, options);
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

  #key(model: string, list: WaitingList | 'active'): string {
    return this.#queue(classifyQueueName(model)).toKey(list);
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
