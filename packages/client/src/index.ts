/** @quintet/client: runs wherever there is `fetch`, streams and Web Crypto. What needs Node is in `@quintet/client/node`. */
export { AdaptiveWindow, saturatingConcurrency } from './adaptive-window.js';
export type { WaitForBatch } from './batches.js';
export { QuintetError, type ClientErrorCode } from './errors.js';
export { sleep } from './http/abortable.js';
export type { FetchLike, FetchLikeInit, FetchLikeResponse } from './http/fetch-like.js';
export { isPictureName, type ImageInput } from './image.js';
export { pictureExtensions } from './picture-extensions.js';
export type { CallOptions, GetJob, ListJobs } from './jobs.js';
export {
  Quintet,
  type ClassifyAllOptions,
  type CorrectOptions,
  type Outcome,
  type QuintetOptions,
  type SubmitOptions,
} from './quintet.js';
export { csvCells, csvColumns, csvLine, formatScore, type Result } from './results.js';
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
  LabelList,
  ModelList,
  Operations,
  Prediction,
  Problem,
  WebhookEvent,
} from './types.js';
export { verifyWebhook, WebhookVerificationError, type VerifyOptions, type WebhookHeaders } from './webhook.js';
