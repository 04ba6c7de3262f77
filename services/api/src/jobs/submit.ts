/**
 * Submission: a checked picture and its options become a record, a stored image and a queue entry. Of a picture that is to be
 * fetched, only the address is checked; no image is stored, and an order to fetch it goes before the queue entry.
 *
 * A picture whose answer is kept (store/result-cache.ts) becomes a job that has ended: a record with its outcome, and a
 * delivery where there is a webhook. It takes no place in any queue.
 */
import type { ImageLimits } from '@quintet/images';
import {
  resultName,
  resultScope,
  selectAnswer,
  sha256Hex,
  type Answer,
  type JobOptions,
  type ModelRef,
  type OpenLease,
  type Outcome,
  type ResultCache,
  type SharingTerms,
} from '@quintet/shared';
import type { Admission } from './admission.js';
import type { Client } from './client.js';
import type { DrainRates } from './drain-rate.js';
import type { Lease } from './idempotency.js';
import { checkImageUrl } from './image-url.js';
import { enqueue, keepFinished, makeRecord, type KeepContext } from './keep-job.js';
import type { ModelDirectory } from './models.js';
import { checkImage, checkWebhook } from './submission-checks.js';
import type { KnownJob } from './waiters.js';
import type { WebhookTargetContext } from './webhook-target.js';

export interface SubmitContext extends KeepContext, WebhookTargetContext {
  readonly models: Pick<ModelDirectory, 'resolve'>;
  readonly rates: Pick<DrainRates, 'of'>;
  readonly admission: Pick<Admission, 'admit'>;
  /** Answers that are kept; undefined where none are. */
  readonly cache: Pick<ResultCache, 'find'> | undefined;
  readonly onCacheLookup: (model: string, result: 'hit' | 'miss') => void;
  readonly imageLimits: ImageLimits;
}

export interface Submission {
  /** A new UUID. The caller chooses it, to be able to listen for its end before it can come. */
  readonly id: string;
  /** The picture's bytes, or the address that it is to be fetched from; with `tensor`, a row of the model's input. */
  readonly image: Buffer | URL;
  /** `image` has the values that the model takes, checked by the caller, and no picture. */
  readonly tensor?: boolean;
  /** All that the model returns is wanted, too: such a job has an answer of its own. */
  readonly output?: boolean;
  readonly options: JobOptions;
  readonly requestId: string;
  readonly client: Client;
  /** Whether it may be answered as another job was, and others as this one is. */
  readonly caching: { readonly reuse: boolean; readonly store: boolean };
  /** SHA-256 of the image in hex, where the caller knows it. */
  readonly digest?: string;
  /** Of the Idempotency-Key that it is submitted under. */
  readonly lease?: Lease;
  /** The place of the job among those its client may have open; absent where it may have any number. */
  readonly place?: OpenLease;
}

/** Accepts a job; throws ProblemError where it may not be, and nothing is left behind then. */
export async function submitJob(context: SubmitContext, submission: Submission): Promise<KnownJob> {
  const created = new Date();
  const began = performance.now();
  const { image } = submission;
  if (submission.tensor !== true && Buffer.isBuffer(image)) checkImage(image, context.imageLimits);
  if (!Buffer.isBuffer(image)) checkImageUrl(image, context.allowPrivateHosts);
  await checkWebhook(context, submission);
  const { top_k, min_score, explain } = submission.options;
  const model = await context.models.resolve(submission.options.model, explain);
  // Under way beside the other look-ups: the estimate costs no round trip of its own.
  const drained = context.rates.of(model.name).catch(() => 0);
  const sharing = await sharingTerms(context, submission);
  const kept = sharing === undefined ? undefined : await findAnswer(context, sharing, model, explain);
  const record = makeRecord(submission, model, created);
  if (kept === undefined) {
    await context.admission.admit(model.name);
    return enqueue(context, submission, record, sharing, drained);
  }
  const { predictions, explained } = selectAnswer(kept, top_k, min_score);
  const nothing = { queue: 0, fetch: 0, preprocess: 0, batch_wait: 0, inference: 0 };
  const totalMs = performance.now() - began;
  const outcome: Outcome = {
    status: 'succeeded',
    model,
    started_at: record.created_at,
    finished_at: new Date(created.getTime() + totalMs).toISOString(),
    predictions,
    ...(explained === undefined ? {} : { explanation: explained.explanation }),
    timing_ms: { ...nothing, total: Math.round(totalMs * 1000) / 1000 },
    cache: 'hit',
  };
  return keepFinished(context, submission, record, outcome, explained?.png);
}

/** Undefined where the job's answer is its own. */
async function sharingTerms(context: SubmitContext, submission: Submission): Promise<SharingTerms | undefined> {
  const { image, client, caching, tensor, output } = submission;
  if (context.cache === undefined || !caching.store || tensor === true || output === true) return undefined;
  return {
    scope: resultScope(client.name),
    // Of a picture that is to be fetched, the worker computes it.
    ...(Buffer.isBuffer(image) ? { digest: submission.digest ?? (await sha256Hex(image)) } : {}),
    ...(caching.reuse ? {} : { fresh: true }),
  };
}

async function findAnswer(
  { cache, onCacheLookup }: SubmitContext,
  { scope, digest, fresh }: SharingTerms,
  model: ModelRef,
  explain = false,
): Promise<Answer | undefined> {
  const name = digest === undefined ? undefined : resultName(scope, model, digest, explain);
  if (cache === undefined || fresh === true || name === undefined) return undefined;
  const kept = await cache.find(name);
  onCacheLookup(model.name, kept === undefined ? 'miss' : 'hit');
  return kept;
}
