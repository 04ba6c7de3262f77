/** What the service says, in its own names (snake_case), as the OpenAPI document has them. */
import type { components } from './openapi.js';

type Schemas = components['schemas'];
type JobRequest = Schemas['JobRequest'];

export type Batch = Schemas['Batch'];
export type BatchResult = Schemas['BatchResult'];
export type Job = Schemas['Job'];
/** One page of a list of jobs. */
export type JobPage = Schemas['JobPage'];
export type JobStatus = Job['status'];
/** Options of a job or a batch; absent ones are as the service has them. */
export type JobOptions = {
  readonly [Name in Exclude<keyof JobRequest, 'image_base64' | 'image_url'>]?: JobRequest[Name] | undefined;
};
/** The classes of a model. */
export type LabelList = Schemas['LabelList'];
export type ModelList = Schemas['ModelList'];
/** What goes on: throughput, queue, latency, workers. */
export type Operations = Schemas['Operations'];
export type Prediction = Schemas['Prediction'];
/** A problem document (RFC 9457). */
export type Problem = Schemas['Problem'];
export type ErrorCode = Problem['code'];
/** The body of a webhook, by its `type`. */
export type WebhookEvent = Schemas['WebhookBody'] | Schemas['BatchWebhookBody'] | Schemas['TestWebhookBody'];

/** A job that has predictions. */
export type Classified = Job & { readonly status: 'succeeded'; readonly predictions: readonly Prediction[] };

/** Every status of a job there is. */
export const jobStatuses = Object.keys({
  queued: true,
  processing: true,
  succeeded: true,
  failed: true,
  canceled: true,
  expired: true,
} satisfies Record<JobStatus, true>) as readonly JobStatus[];

const unfinished: ReadonlySet<string> = new Set<JobStatus>(['queued', 'processing']);

/** Whether a job or a batch has ended, however it did. */
export function hasEnded({ status }: { readonly status: string }): boolean {
  return !unfinished.has(status);
}
