/** What the API leaves for a worker: a record, an image, and an order in the queue of the test model. */
import { randomUUID } from 'node:crypto';
import { classifyJobPolicy, type ClassifyOrder, type JobStore, type Outcome } from '@quintet/shared';
import type { Queue } from 'bullmq';
import { eventually } from './service-process.js';
import { testModel } from './test-model.js';

/** Submits `image` as the API does; `order` goes over the defaults. Returns the job's id. */
export async function submitOrder(
  store: JobStore,
  queue: Queue,
  image: Buffer,
  order: Partial<ClassifyOrder> = {},
): Promise<string> {
  const id = randomUUID();
  const created_ms = Date.now();
  const record = { id, model: { name: testModel }, created_at: new Date(created_ms).toISOString(), metadata: {} };
  await store.create(record, image, 600);
  const data = { id, model: testModel, top_k: 5, created_ms, request_id: `r-${id}`, ...order };
  await queue.add('classify', data, { ...classifyJobPolicy, jobId: id });
  return id;
}

/** The outcome of a job, once it has one. */
export const outcomeOf = (store: JobStore, id: string, timeout?: number): Promise<Outcome> =>
  eventually(async () => {
    const outcome = (await store.read(id))?.outcome;
    if (outcome === undefined) throw new Error(`job ${id} has not ended`);
    return outcome;
  }, timeout);
