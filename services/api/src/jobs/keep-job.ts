/**
 * From a checked submission to what Redis keeps of it.
 *
 * Order matters for "accepted is never lost": the record and the image are in Redis before the queue entry, so a worker
 * that takes the job finds both; whoever answers 202 has seen all three acknowledged. One connection carries them, in this
 * order, without waiting for each other's acknowledgement. A crash in between leaves a record that nobody was told of,
 * which expires by itself.
 */
import {
  presentJob,
  ProblemError,
  type ClassifyOrder,
  type FetchOrder,
  type JobRecord,
  type JobStore,
  type ModelRef,
  type Outcome,
  type SharingTerms,
} from '@quintet/shared';
import { queuePlace } from './drain-rate.js';
import type { MemoryGuard } from './memory-guard.js';
import type { Queues } from './queues.js';
import { asRedisProblem, redisUnavailable } from './redis-guard.js';
import { withDeadline } from './start-deadline.js';
import type { Submission } from './submit.js';
import type { KnownJob } from './waiters.js';

export interface KeepContext {
  readonly store: Pick<JobStore, 'create' | 'createFinished' | 'discard'>;
  readonly queues: Pick<Queues, 'add' | 'ahead' | 'addDelivery'>;
  readonly memory: Pick<MemoryGuard, 'take'>;
  /** How long an unfinished job and its image are kept. */
  readonly queueTtlSeconds: number;
  /** How long a finished one is. */
  readonly resultTtlSeconds: number;
}

/** The part of a job that never changes. */
export function makeRecord({ id, options, client }: Submission, model: ModelRef, created: Date): JobRecord {
  const { webhook_url: url, webhook_events: events, ttl_seconds: ttl } = options;
  return {
    id,
    model,
    created_at: created.toISOString(),
    metadata: options.metadata ?? {},
    ...(client.name === undefined ? {} : { owner: client.name }),
    ...(ttl === undefined ? {} : { deadline_ms: Math.ceil(created.getTime() + 1000 * ttl) }),
    ...(url === undefined ? {} : { webhook: { url, ...(events === undefined ? {} : { events }) } }),
  };
}

/** A job that waits for a worker. */
export async function enqueue(
  context: KeepContext,
  submission: Submission,
  record: JobRecord,
  sharing: SharingTerms | undefined,
  /** At which the queue of its model is drained. */
  drained: Promise<number>,
): Promise<KnownJob> {
  const { id, image, options, requestId, tensor, output } = submission;
  const order: ClassifyOrder = {
    id,
    model: record.model.name,
    top_k: options.top_k,
    created_ms: Date.parse(record.created_at),
    request_id: requestId,
    ...(options.min_score === undefined ? {} : { min_score: options.min_score }),
    ...(options.explain === true ? { explain: true } : {}),
    ...(record.deadline_ms === undefined ? {} : { deadline_ms: record.deadline_ms }),
    ...(sharing === undefined ? {} : { sharing }),
    ...(Buffer.isBuffer(image) ? {} : { fetched: true }),
    ...(tensor === true ? { tensor } : {}),
    ...(output === true ? { output } : {}),
  };
  const bytes = Buffer.isBuffer(image) ? image : undefined;
  const around = {
    delivery: record.webhook === undefined ? undefined : { id, request_id: requestId },
    fetch: Buffer.isBuffer(image) ? undefined : fetchOrder(order, image.href),
  };
  await context.memory.take((bytes?.length ?? 0) + JSON.stringify(record).length, 1);
  let ahead = Promise.resolve(0);
  await keepAll(context, submission, () => {
    const kept = context.store.create(record, bytes, context.queueTtlSeconds, context.resultTtlSeconds);
    ahead = context.queues.ahead(record.model.name, options.priority);
    const counted = submission.place?.keep(context.queueTtlSeconds) ?? Promise.resolve();
    return [kept, counted, ahead, context.queues.add(order, options.priority, around)];
  });
  // When a picture is there that has to be fetched, nobody knows.
  const rate = bytes === undefined ? 0 : await drained;
  const progress = { status: 'queued', queue: queuePlace(await ahead, rate) } as const;
  return knownJob(record, withDeadline(presentJob(record, { progress }), record));
}

/** A job that has ended as it begins. `png`: the heat map of its explanation. */
export async function keepFinished(
  context: KeepContext,
  submission: Submission,
  record: JobRecord,
  outcome: Outcome,
  png: Uint8Array | undefined,
): Promise<KnownJob> {
  const { id, requestId } = submission;
  await context.memory.take(JSON.stringify([record, outcome]).length + (png?.length ?? 0), 1);
  await keepAll(context, submission, () => [
    context.store.createFinished(record, outcome, context.resultTtlSeconds, png),
    ...(record.webhook === undefined ? [] : [context.queues.addDelivery({ id, request_id: requestId })]),
  ]);
  return knownJob(record, presentJob(record, { outcome }));
}

function knownJob(record: JobRecord, job: KnownJob['job']): KnownJob {
  return { job, end: (outcome) => presentJob(record, { outcome }) };
}

/** Starts the writes, in their order; where one fails, none of them counts. */
async function keepAll(
  context: KeepContext,
  { id, lease }: Submission,
  write: () => readonly Promise<unknown>[],
): Promise<void> {
  lease?.check();
  try {
    // All have settled before anything is discarded.
    const failed = (await Promise.allSettled(write())).find((each) => each.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  } catch (error) {
    // Best effort: what is left expires by itself. A job that reached its queue after all finds no record, and ends.
    await context.store.discard(id).catch(() => lease?.keep());
    const problem = asRedisProblem(error);
    throw problem instanceof ProblemError ? problem : redisUnavailable(error);
  }
}

/** The order to fetch the picture of `order`. */
export function fetchOrder({ id, model, created_ms, request_id, deadline_ms }: ClassifyOrder, url: string): FetchOrder {
  return { id, model, created_ms, request_id, url, ...(deadline_ms === undefined ? {} : { deadline_ms }) };
}
