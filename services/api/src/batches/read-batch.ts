/**
 * Reading a batch: the counts as they are stored, and what the queue knows of those items that have not ended.
 *
 * Items that have ended in no one's eyes but are in no queue any more, because their workers died too often, are ended here by
 * whoever asks, as a single job is (jobs/read.ts).
 */
import {
  endedItems,
  presentBatch,
  ProblemError,
  type Batch,
  type BatchItemError,
  type BatchProgress,
  type BatchStore,
  type JobStore,
  type StoredBatch,
} from '@quintet/shared';
import {
  owns,
  readJob,
  type Client,
  type DrainRates,
  type Queues,
  type ReadContext,
  type Standing,
} from '../jobs/index.js';

/** Workers hold a few dozen jobs each; more than this are not looked at, and count as queued. */
const mostHeld = 500;
const sweepLength = 50;

export interface ReadBatchContext extends ReadContext {
  readonly store: JobStore;
  readonly batches: BatchStore;
  readonly queues: Pick<Queues, 'state' | 'active' | 'waiting' | 'remove'>;
  readonly rates: Pick<DrainRates, 'of'>;
}

/** The sealed batch `id`. Throws `batch_not_found`, also where it is another client's. */
export async function findBatch({ batches }: Pick<ReadBatchContext, 'batches'>, id: string, client: Client) {
  const stored = await batches.read(id);
  if (stored?.total === undefined || !owns(client, stored.record)) {
    throw new ProblemError('batch_not_found', `There is no batch ${id}, or its results are no longer kept.`);
  }
  return stored;
}

/** How much there is of the batch `id`, for whoever may have submitted it. */
export async function batchStanding({ batches }: Pick<ReadBatchContext, 'batches'>, id: string): Promise<Standing> {
  const stored = await batches.read(id);
  if (stored === undefined) return 'absent';
  return stored.total === undefined ? 'partial' : 'whole';
}

/** The batch `id` as it stands. Throws `batch_not_found`. */
export async function readBatch(context: ReadBatchContext, id: string, client: Client): Promise<Batch> {
  let stored = await findBatch(context, id, client);
  let progress: BatchProgress | undefined;
  if (stored.finishedAt === undefined) {
    const { model } = stored.record;
    const [held, waiting] = await Promise.all([
      context.queues.active(model.name, mostHeld),
      context.queues.waiting(model.name),
    ]);
    const unfinished = (stored.total ?? 0) - endedItems(stored);
    if (held.length + waiting < unfinished) {
      await endLostItems(context, stored, client);
      stored = await findBatch(context, id, client);
    }
    const processing = (await context.batches.unfinishedAmong(id, held)).size;
    progress = { processing, etaSeconds: await etaOf(context, stored, waiting) };
  }
  return presentBatch(stored, await errorsOf(context, id), progress);
}

async function errorsOf({ batches }: ReadBatchContext, id: string): Promise<BatchItemError[]> {
  const failed = await batches.failed(id);
  if (failed.length === 0) return [];
  const jobs = await batches.jobs(failed.map(({ jobId }) => jobId));
  return failed.flatMap(({ index, name, jobId }, at) => {
    const error = jobs[at]?.outcome?.error;
    return error === undefined ? [] : [{ index, name, job_id: jobId, error }];
  });
}

/**
 * Seconds until the last item ends: at the batch's own pace once a tenth of it is done, before that at the workers' for
 * all that waits. Undefined where the queue stands or no worker lives.
 */
async function etaOf(context: ReadBatchContext, stored: StoredBatch, waiting: number): Promise<number | undefined> {
  const now = (context.now ?? Date.now)();
  const { total = 0, startedAt, ended } = stored;
  const left = total - endedItems(stored);
  const rate = await context.rates.of(stored.record.model.name);
  if (rate === 0) return undefined;
  const elapsedMs = startedAt === undefined ? 0 : now - Date.parse(startedAt);
  if (ended.succeeded >= Math.max(2, total / 10) && elapsedMs > 0)
    return round((left * elapsedMs) / ended.succeeded / 1000);
  return round(Math.max(left, waiting) / rate);
}

const round = (seconds: number): number => Math.round(10 * seconds) / 10;

async function endLostItems(context: ReadBatchContext, { record: { id }, total = 0 }: StoredBatch, client: Client) {
  for (let from = 0; from < total; from += sweepLength) {
    const items = await context.batches.items(id, from, sweepLength);
    const jobs = await context.batches.jobs(items.map(({ jobId }) => jobId));
    const open = items.filter((_, at) => jobs[at] !== undefined && jobs[at].outcome === undefined);
    await Promise.all(open.map(({ jobId }) => readJob(context, jobId, client)));
  }
}
