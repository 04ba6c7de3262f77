/** The results of a batch, item by item in order, read in chunks while they are sent. */
import { hasOutcome, presentJob, type BatchResult, type BatchStore, type StoredJob } from '@quintet/shared';
import type { Queues } from '../jobs/index.js';

const chunkLength = 50;
const mostHeld = 500;

export interface ResultsContext {
  readonly batches: BatchStore;
  readonly queues: Pick<Queues, 'active'>;
}

/** Chunks of results; items that have not ended are among them, with how far they are. */
export async function* batchResults(
  { batches, queues }: ResultsContext,
  { id, model, total }: { readonly id: string; readonly model: string; readonly total: number },
): AsyncGenerator<BatchResult[]> {
  for (let from = 0; from < total; from += chunkLength) {
    const items = await batches.items(id, from, chunkLength);
    const jobs = await batches.jobs(items.map(({ jobId }) => jobId));
    const open = jobs.some((job) => job !== undefined && job.outcome === undefined);
    const held = new Set(open ? await queues.active(model, mostHeld) : []);
    yield items.map(({ jobId, name }, at) => {
      const job = jobs[at];
      return {
        index: from + at,
        name,
        job_id: jobId,
        ...(job === undefined ? {} : { job: present(job, held.has(jobId)) }),
      };
    });
  }
}

function present(stored: StoredJob, isHeld: boolean) {
  if (hasOutcome(stored)) return presentJob(stored.record, stored);
  return presentJob(stored.record, { progress: { status: isHeld ? 'processing' : 'queued' } });
}
