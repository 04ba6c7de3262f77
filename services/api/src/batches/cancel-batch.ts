/** Cancellation of a batch: every item that has not ended is canceled, as if each had been by itself. */
import { ProblemError, type Batch, type Outcome } from '@quintet/shared';
import type { Client, Queues } from '../jobs/index.js';
import { findBatch, readBatch, type ReadBatchContext } from './read-batch.js';

/** Items canceled at once: two commands each. */
const chunkLength = 25;

export interface CancelBatchContext extends ReadBatchContext {
  readonly queues: ReadBatchContext['queues'] & Pick<Queues, 'remove'>;
}

/** Ends the batch. Throws `batch_not_found`, or `batch_finished` where it has ended before. */
export async function cancelBatch(context: CancelBatchContext, id: string, client: Client): Promise<Batch> {
  const { record, total = 0, finishedAt } = await findBatch(context, id, client);
  if (finishedAt !== undefined) throw new ProblemError('batch_finished', `Batch ${id} has already ended.`);
  // Before the items: the last of them ends the batch, and its webhook says then how.
  await context.batches.markCanceled(id);
  const outcome: Outcome = { status: 'canceled', finished_at: new Date().toISOString() };
  // From the end, where those are that nobody has begun.
  for (let to = total; to > 0; to -= chunkLength) {
    const from = Math.max(0, to - chunkLength);
    const items = await context.batches.items(id, from, to - from);
    await Promise.all(
      items.map(async ({ jobId }) => {
        const result = await context.store.finish(jobId, outcome, context.resultTtlSeconds);
        if (result !== 'finished') return;
        // As for a single job (jobs/cancel.ts).
        const { store, queues } = context;
        await Promise.allSettled([store.announceCancel(jobId), queues.remove(record.model.name, jobId)]);
      }),
    );
  }
  return readBatch(context, id, client);
}
