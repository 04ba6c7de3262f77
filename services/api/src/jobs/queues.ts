/**
 * The API's side of BullMQ: a Queue per model, the webhook queue and the flow producer, on one `request` connection.
 *
 * BullMQ waits for its connection for ever, and a Queue whose first INFO fails stays broken. So none is made or used
 * unless the connection is ready, and each starts without that first round trip (`skipVersionCheck`): a lost Redis is an
 * error at once, and everything works again when it is back.
 */
import type { EventEmitter } from 'node:events';
import { FlowProducer, Queue, type JobsOptions } from 'bullmq';
import {
  classifyJobPolicy,
  classifyQueueName,
  deliveryId,
  deliveryJobPolicy,
  deliveryPolicyOf,
  keyPrefix,
  webhookQueueName,
  type ClassifyOrder,
  type DeliveryOrder,
  type Progress,
  type Redis,
} from '@quintet/shared';
import { requireRedis } from './redis-guard.js';

/** States whose jobs wait for a worker. */
const waitingStates = ['waiting', 'prioritized', 'delayed'] as const;
const reportedStates = [...waitingStates, 'active', 'waiting-children', 'failed'] as const;

export type QueueState = Progress | 'ended' | 'absent';

export class Queues {
  readonly #queues = new Map<string, Queue>();
  #flows: FlowProducer | undefined;

  constructor(private readonly redis: Redis) {}

  /** Puts the order into its model's queue; with `delivery`, as the child of a webhook delivery, atomically. */
  async add(order: ClassifyOrder, priority: number, delivery?: DeliveryOrder): Promise<void> {
    requireRedis(this.redis);
    // BullMQ takes jobs without a priority first, then 1, 2, …: 0 is expressed by its absence.
    const options: JobsOptions = {
      ...classifyJobPolicy,
      jobId: order.id,
      ...(priority > 0 ? { priority } : {}),
    };
    const queueName = classifyQueueName(order.model);
    if (delivery === undefined) {
      await this.#queue(queueName).add('classify', order, options);
      return;
    }
    this.#flows ??= silent(new FlowProducer({ connection: this.redis, prefix: keyPrefix, skipVersionCheck: true }));
    await this.#flows.add({
      name: 'deliver',
      queueName: webhookQueueName,
      data: delivery,
      opts: { ...deliveryJobPolicy, jobId: deliveryId(order.id) },
      children: [{ name: 'classify', queueName, data: order, opts: { ...options, ignoreDependencyOnFailure: true } }],
    });
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

  /** Takes a waiting job out of its queue; a webhook delivery above it starts then. Leaves a running one alone. */
  async remove(model: string, id: string): Promise<void> {
    requireRedis(this.redis);
    await this.#queue(classifyQueueName(model)).remove(id);
  }

  /** How many jobs of `model` wait for a worker. */
  async waiting(model: string): Promise<number> {
    requireRedis(this.redis);
    const counts = await this.#queue(classifyQueueName(model)).getJobCounts(...waitingStates);
    return waitingStates.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
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
