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
    await this.#flow().add({
      ...deliveryJob(delivery),
      queueName: webhookQueueName,
      children: [{ name: 'classify', queueName, data: order, opts: { ...options, ignoreDependencyOnFailure: true } }],
    });
  }

  /**
   * Puts items of a batch into the queue of `model`; with `delivery`, as children of it. The first call with good items makes the
   * delivery too, in one step with them; later ones, with `attach`, add children to it. Called with few at a time: BullMQ
   * packs and sends them in one turn.
   */
  async addItems(
    orders: readonly ClassifyOrder[],
    priority: number,
    delivery?: { readonly order: DeliveryOrder; readonly attach: boolean },
  ): Promise<void> {
    requireRedis(this.redis);
    const [first] = orders;
    if (first === undefined) return;
    const queueName = classifyQueueName(first.model);
    const jobs = orders.map((data) => ({
      name: 'classify',
      data,
      opts: { ...classifyJobPolicy, jobId: data.id, ...(priority > 0 ? { priority } : {}) } satisfies JobsOptions,
    }));
    if (delivery === undefined) {
      await this.#queue(queueName).addBulk(jobs);
    } else if (delivery.attach) {
      const parent = { id: deliveryId(delivery.order.id), queue: `${keyPrefix}:${webhookQueueName}` };
      const attached = jobs.map((job) => ({ ...job, opts: { ...job.opts, parent, ignoreDependencyOnFailure: true } }));
      await this.#queue(queueName).addBulk(attached);
    } else {
      const children = jobs.map((job) => ({
        ...job,
        queueName,
        opts: { ...job.opts, ignoreDependencyOnFailure: true },
      }));
      await this.#flow().add({ ...deliveryJob(delivery.order), queueName: webhookQueueName, children });
    }
  }

  /** Puts a delivery that waits for nothing into the webhook queue. */
  async addDelivery(order: DeliveryOrder): Promise<void> {
    requireRedis(this.redis);
    const { name, data, opts } = deliveryJob(order);
    await this.#queue(webhookQueueName).add(name, data, opts);
  }

  /** Ids of the jobs of `model` that workers hold, at most `most`. */
  async held(model: string, most: number): Promise<string[]> {
    requireRedis(this.redis);
    return this.#queue(classifyQueueName(model)).getRanges(['active'], 0, most - 1);
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

function deliveryJob(order: DeliveryOrder) {
  return { name: 'deliver', data: order, opts: { ...deliveryJobPolicy, jobId: deliveryId(order.id) } };
}

/** The connection logs its own errors, once; BullMQ repeats each of them per queue, and nobody listening is fatal. */
function silent<T extends EventEmitter>(emitter: T): T {
  emitter.on('error', () => undefined);
  return emitter;
}
