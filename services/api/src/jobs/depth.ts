/** Queue depths for /metrics, asked of BullMQ when they are scraped. */
import { classifyQueueName, fetchQueueName, webhookQueueName, type ApiMetrics } from '@quintet/shared';
import type { ModelDirectory } from './models.js';
import type { Queues } from './queues.js';

/** Sets the depth gauges; without Redis there are none, rather than old ones. */
export async function refreshDepths(
  gauge: ApiMetrics['queueDepth'],
  queues: Pick<Queues, 'counts'>,
  models: Pick<ModelDirectory, 'names'>,
): Promise<void> {
  try {
    const names = [...(await models.names()).map(classifyQueueName), fetchQueueName, webhookQueueName];
    const depths = await Promise.all(names.map(async (queue) => [queue, await queues.counts(queue)] as const));
    gauge.reset();
    for (const [queue, counts] of depths) {
      for (const [state, count] of Object.entries(counts)) gauge.set({ queue, state }, count);
    }
  } catch {
    gauge.reset();
  }
}
