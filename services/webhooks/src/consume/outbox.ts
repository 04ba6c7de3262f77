/**
 * Deliveries of jobs whose queue entry has another parent, or none: items of a batch with events of their own. The script that ends
 * such a job puts it into the outbox; this moves it from there into the webhook queue.
 *
 *   outbox → moving (BLMOVE, atomic) → in the queue (an id made from the job's, so twice is once) → forgotten
 * Invariant: an entry is in one of the two lists until its order is in the queue. What a killed process leaves in `moving`
 * the others, or its successor, find within `recoverMs`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { deliveryId, deliveryJobPolicy, keyPrefix, unlessStranded, webhookQueueName } from '@quintet/shared';
import type { BatchStore, DeliveryOrder, Logger, Redis } from '@quintet/shared';
import { Queue } from 'bullmq';

const blockSeconds = 2;
const recoverMs = 15_000;

interface Outbox {
  stop(): Promise<void>;
}

interface OutboxOptions {
  /** For BullMQ. */
  readonly connection: Redis;
  /** Of its own, as it blocks; disconnected at the end. */
  readonly blocking: Redis;
  /** On the blocking connection. */
  readonly store: BatchStore;
  readonly logger: Logger;
}

export function startOutbox({ connection, blocking, store, logger }: OutboxOptions): Outbox {
  const queue = new Queue(webhookQueueName, { connection, prefix: keyPrefix });
  queue.on('error', (error) => {
    logger.debug({ error }, 'outbox queue error');
  });
  const stopping = new AbortController();
  const stopped = (): boolean => stopping.signal.aborted;

  const deliver = async (entry: string): Promise<void> => {
    const [id = '', requestId = ''] = entry.split(' ');
    const order: DeliveryOrder = { id, request_id: requestId };
    await queue.add('deliver', order, { ...deliveryJobPolicy, jobId: deliveryId(id) });
    await store.removeFromOutbox(entry);
  };
  const run = async (): Promise<void> => {
    let recovered = -Infinity;
    while (!stopped()) {
      try {
        if (performance.now() - recovered > recoverMs) {
          for (const entry of await store.takenFromOutbox()) await deliver(entry);
          recovered = performance.now();
        }
        const entry = await store.takeFromOutbox(blockSeconds);
        if (entry !== undefined) await deliver(entry);
      } catch (error) {
        if (stopped()) return;
        // What was taken, perhaps without our knowing, is in `moving`.
        recovered = -Infinity;
        logger.warn({ error }, 'outbox failed; trying again');
        await delay(1000, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  };
  const running = run();

  return {
    stop: async () => {
      stopping.abort();
      blocking.disconnect();
      // Without Redis BullMQ's close would wait for it for ever; what is in the lists stays there.
      const ended = running.then(() => queue.close()).catch(() => undefined);
      await unlessStranded(ended, connection, () => true, 0);
    },
  };
}
