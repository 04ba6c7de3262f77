/** @quintet/client: runs wherever there is `fetch`, streams and Web Crypto. What needs Node is in `@quintet/client/node`. */
export { AdaptiveWindow, saturatingConcurrency } from './adaptive-window.js';
export type { WaitForBatch } from './batches.js';
export { QuintetError, type ClientErrorCode } from './errors.js';
export type { FetchLike, FetchLikeInit, FetchLikeResponse } from './http/fetch-like.js';
export type { ImageInput } from './image.js';
export type { ListJobs } from './job-list.js';
export { isPictureName } from './picture-name.js';
export {
  Quintet,
  type CallOptions,
  type ClassifyAllOptions,
  type CorrectOptions,
  type Outcome,
  type QuintetOptions,
  type SubmitOptions,
} from './quintet.js';
export { entrySize, type BatchFile, type SizedContent } from './tar.js';
export { hasEnded } from './types.js';
export type {
  Batch,
  BatchResult,
  Classified,
  ErrorCode,
  Job,
  JobOptions,
  JobStatus,
  ModelList,
  Operations,
  Prediction,
  Problem,
  WebhookEvent,
} from './types.js';
export { verifyWebhook, WebhookVerificationError, type VerifyOptions, type WebhookHeaders } from './webhook.js';
