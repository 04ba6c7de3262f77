export { Admission } from './admission.js';
export { cached } from './cached.js';
export { cancelJob, type CancelContext } from './cancel.js';
export { anonymous, owns, scopes, type Client, type Scope } from './client.js';
export {
  listDeliveries,
  readDelivery,
  readJobDeliveries,
  redeliver,
  type DeliveriesContext,
  type DeliveriesQuery,
} from './deliveries.js';
export { correctJob, uncorrectJob, type CorrectContext } from './correct.js';
export { refreshDepths } from './depth.js';
export {
  countedOptions,
  fingerprintOf,
  Idempotency,
  jobFingerprint,
  type Lease,
  type Standing,
} from './idempotency.js';
export { DrainRates } from './drain-rate.js';
export { startSweep } from './expire.js';
export { JobEvents } from './job-events.js';
export { stateOf, type JobState } from './job-state.js';
export { checkImageUrl, imageUrlRefused } from './image-url.js';
export { fetchOrder } from './keep-job.js';
export { listJobs, type ListContext } from './list-jobs.js';
export { MemoryGuard } from './memory-guard.js';
export { ModelDirectory } from './models.js';
export { joinOptions, optionNames, parseOptions, parseTextOptions, readTextOptions } from './options.js';
export { readOperations, type OperationsContext } from './operations.js';
export { QueuePositions } from './queue-positions.js';
export type { QueuedOrder } from './queue-entries.js';
export { Queues } from './queues.js';
export { readExplanation, type ExplanationContext, type HeatMapFile } from './read-explanation.js';
export { findJob, readJob, type ReadContext } from './read.js';
export { asRedisProblem, redisUnavailable, requireRedis } from './redis-guard.js';
export { submitJob, type Submission, type SubmitContext } from './submit.js';
export { sendTestWebhook, type TestWebhookContext } from './test-webhook.js';
export { checkImage, checkWebhook } from './submission-checks.js';
export type { WebhookTargetContext } from './webhook-target.js';
export { JobWaiters, type KnownJob, type Waiter } from './waiters.js';
