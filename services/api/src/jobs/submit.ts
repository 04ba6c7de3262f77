/**
 * Submission: a checked picture and its options become a record, a stored image and a queue entry.
 *
 * Order matters for "accepted is never lost": the record and the image are in Redis before the queue entry, so a worker
 * that takes the job finds both; whoever answers 202 has seen all three acknowledged. One connection carries them, in this
 * order, without waiting for each other's acknowledgement. A crash in between leaves a record that nobody was told of,
 * which expires by itself.
 *
 * A picture whose answer is kept (store/result-cache.ts) becomes a job that has ended: a record with its outcome, and a
 * delivery where there is a webhook. It takes no place in any queue.
 */
import { ImageError, inspectImage } from '@quintet/images';
import {
  checkWebhookUrl,
  presentJob,
  ProblemError,
  resultName,
  resultScope,
  selectPredictions,
  sha256Hex,
  type ClassifyOrder,
  type JobOptions,
  type JobRecord,
  type JobStore,
  type ModelRef,
  type Outcome,
  type Prediction,
  type ResultCache,
  type SharingTerms,
  type WorkerPresence,
} from '@quintet/shared';
import type { Admission } from './admission.js';
import type { Client } from './client.js';
import type { Lease } from './idempotency.js';
import { drainRate, queuePlace, servingWorkers } from './drain-rate.js';
import type { ModelDirectory } from './models.js';
import type { Queues } from './queues.js';
import { redisUnavailable } from './redis-guard.js';
import { withDeadline } from './start-deadline.js';
import type { KnownJob } from './waiters.js';

export interface SubmitContext {
  readonly store: Pick<JobStore, 'create' | 'createFinished' | 'discard'>;
  readonly queues: Pick<Queues, 'add' | 'ahead' | 'deliver'>;
  readonly models: Pick<ModelDirectory, 'resolve' | 'workers'>;
  readonly admission: Pick<Admission, 'admit'>;
  /** Answers that are kept; undefined where none are. */
  readonly cache: Pick<ResultCache, 'find'> | undefined;
  readonly onCacheLookup: (model: string, result: 'hit' | 'miss') => void;
  readonly maxImagePixels: number;
  /** How long an unfinished job and its image are kept. */
  readonly queueTtlSeconds: number;
  /** How long a finished one is. */
  readonly resultTtlSeconds: number;
  /** Whether there is a secret to sign webhooks with. */
  readonly webhooksEnabled: boolean;
  readonly allowPrivateHosts: boolean;
}

export interface Submission {
  /** A new UUID. The caller chooses it, to be able to listen for its end before it can come. */
  readonly id: string;
  readonly image: Buffer;
  readonly options: JobOptions;
  readonly requestId: string;
  readonly client: Client;
  /** Whether it may be answered as another job was, and others as this one is. */
  readonly caching: { readonly reuse: boolean; readonly store: boolean };
  /** SHA-256 of the image in hex, where the caller knows it. */
  readonly digest?: string;
  /** Of the Idempotency-Key that it is submitted under. */
  readonly lease?: Lease;
}

/** Accepts a job; throws ProblemError where it may not be, and nothing is left behind then. */
export async function submitJob(context: SubmitContext, submission: Submission): Promise<KnownJob> {
  const created = new Date();
  const began = performance.now();
  checkImage(submission.image, context.maxImagePixels);
  checkWebhook(context, submission.options);
  // Under way beside the other look-ups: the estimate costs no round trip of its own.
  const workers = context.models.workers().catch(() => []);
  const model = await context.models.resolve(submission.options.model);
  const sharing = await sharingTerms(context, submission);
  const kept = sharing === undefined ? undefined : await findAnswer(context, sharing, model);
  const record = makeRecord(submission, model, created);
  if (kept === undefined) {
    await context.admission.admit(model.name);
    return enqueue(context, submission, record, sharing, workers);
  }
  const { top_k, min_score } = submission.options;
  const nothing = { queue: 0, fetch: 0, preprocess: 0, batch_wait: 0, inference: 0 };
  const totalMs = performance.now() - began;
  const outcome: Outcome = {
    status: 'succeeded',
    model,
    started_at: record.created_at,
    finished_at: new Date(created.getTime() + totalMs).toISOString(),
    predictions: selectPredictions(kept, top_k, min_score),
    timing_ms: { ...nothing, total: Math.round(totalMs * 1000) / 1000 },
    cache: 'hit',
  };
  return keepFinished(context, submission, record, outcome);
}

/** Undefined where the job's answer is its own. */
async function sharingTerms(context: SubmitContext, submission: Submission): Promise<SharingTerms | undefined> {
  const { image, client, caching } = submission;
  if (context.cache === undefined || !caching.store) return undefined;
  return {
    scope: resultScope(client.name),
    digest: submission.digest ?? (await sha256Hex(image)),
    ...(caching.reuse ? {} : { fresh: true }),
  };
}

async function findAnswer(
  { cache, onCacheLookup }: SubmitContext,
  { scope, digest = '', fresh }: SharingTerms,
  model: ModelRef,
): Promise<Prediction[] | undefined> {
  const name = resultName(scope, model, digest);
  if (cache === undefined || fresh === true || name === undefined) return undefined;
  const kept = await cache.find(name);
  onCacheLookup(model.name, kept === undefined ? 'miss' : 'hit');
  return kept;
}

function makeRecord({ id, options, client }: Submission, model: ModelRef, created: Date): JobRecord {
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

async function enqueue(
  context: SubmitContext,
  submission: Submission,
  record: JobRecord,
  sharing: SharingTerms | undefined,
  workers: Promise<readonly WorkerPresence[]>,
): Promise<KnownJob> {
  const { id, image, options, requestId } = submission;
  const order: ClassifyOrder = {
    id,
    model: record.model.name,
    top_k: options.top_k,
    created_ms: Date.parse(record.created_at),
    request_id: requestId,
    ...(options.min_score === undefined ? {} : { min_score: options.min_score }),
    ...(record.deadline_ms === undefined ? {} : { deadline_ms: record.deadline_ms }),
    ...(sharing === undefined ? {} : { sharing }),
  };
  const delivery = record.webhook === undefined ? undefined : { id, request_id: requestId };
  let ahead = Promise.resolve(0);
  await keepAll(context, submission, () => {
    const kept = context.store.create(record, image, context.queueTtlSeconds);
    ahead = context.queues.ahead(record.model.name, options.priority);
    return [kept, ahead, context.queues.add(order, options.priority, delivery)];
  });
  const rate = drainRate(servingWorkers(await workers, record.model.name));
  const progress = { status: 'queued', queue: queuePlace(await ahead, rate) } as const;
  return knownJob(record, withDeadline(presentJob(record, { progress }), record));
}

async function keepFinished(
  context: SubmitContext,
  submission: Submission,
  record: JobRecord,
  outcome: Outcome,
): Promise<KnownJob> {
  const { id, requestId } = submission;
  await keepAll(context, submission, () => [
    context.store.createFinished(record, outcome, context.resultTtlSeconds),
    ...(record.webhook === undefined ? [] : [context.queues.deliver({ id, request_id: requestId })]),
  ]);
  return knownJob(record, presentJob(record, { outcome }));
}

function knownJob(record: JobRecord, job: KnownJob['job']): KnownJob {
  return { job, end: (outcome) => presentJob(record, { outcome }) };
}

/** Starts the writes, in their order; where one fails, none of them counts. */
async function keepAll(
  context: SubmitContext,
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
    throw redisUnavailable(error);
  }
}

function checkImage(image: Buffer, maxPixels: number): void {
  if (image.length === 0) throw new ProblemError('image_empty', 'The image has no bytes.');
  try {
    inspectImage(image, { maxPixels });
  } catch (error) {
    if (error instanceof ImageError) throw new ProblemError(error.code, error.detail, { cause: error });
    throw error;
  }
}

function checkWebhook(context: SubmitContext, options: JobOptions): void {
  if (options.webhook_url === undefined) {
    if (options.webhook_events === undefined) return;
    throw new ProblemError('option_invalid', 'webhook_events needs a webhook_url.', {
      errors: [{ detail: 'webhook_events needs a webhook_url', pointer: '#/webhook_events' }],
    });
  }
  if (!context.webhooksEnabled) {
    throw new ProblemError('webhooks_disabled', 'This service has no WEBHOOK_SECRET, so it cannot sign webhooks.');
  }
  const refused = checkWebhookUrl(options.webhook_url, context.allowPrivateHosts);
  if (refused !== undefined) {
    throw new ProblemError('webhook_url_refused', refused, {
      errors: [{ detail: refused, pointer: '#/webhook_url' }],
    });
  }
}
