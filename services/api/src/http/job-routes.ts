/** GET /v1/jobs; GET and DELETE /v1/jobs/:id. */
import type { Request, RequestHandler, Response } from 'express';
import { jobStatuses, ProblemError, readJobCursor, writeJobCursor, type ApiMetrics, type Job } from '@quintet/shared';
import {
  cancelJob,
  listJobs,
  type CancelContext,
  type Client,
  type JobWaiters,
  type ListContext,
} from '../jobs/index.js';
import { pageQuery } from './page-query.js';
import { parsePrefer, waitSeconds } from './prefer.js';
import { contextOf } from './request-context.js';

/** Ids of jobs and batches. */
export const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The id in the address. Throws `job_id_invalid`. */
export function jobId(request: Request, response: Response): string {
  const id = request.params['id'];
  if (typeof id !== 'string' || !uuidPattern.test(id)) {
    throw new ProblemError('job_id_invalid', 'A job id looks like 01234567-89ab-cdef-0123-456789abcdef.');
  }
  contextOf(response).jobId = id;
  return id;
}

/** Answers 200 with a page of the client's jobs, and the cursor of the next where there may be one. */
export function listRoute(context: ListContext): RequestHandler {
  return async (request, response) => {
    const { filter, ...range } = pageQuery(request, { name: 'status', values: jobStatuses }, readJobCursor);
    const { jobs, next } = await listJobs(context, { status: filter, ...range }, contextOf(response).client);
    response.json({ jobs, ...(next === undefined ? {} : { next_cursor: writeJobCursor(next) }) });
  };
}

export interface ReadRoute {
  readonly read: (id: string, client: Client) => Promise<Job>;
  readonly waiters: JobWaiters;
  readonly maxWaitSeconds: number;
}

/** Answers 200 with the job as it stands; with `Prefer: wait`, as it stands when it has ended or the time is over. */
export function readRoute({ read, waiters, maxWaitSeconds }: ReadRoute): RequestHandler {
  return async (request, response) => {
    response.vary('Prefer');
    const id = jobId(request, response);
    const seconds = waitSeconds(parsePrefer(request.headersDistinct['prefer']), maxWaitSeconds);
    const { signal, client } = contextOf(response);
    if (seconds === undefined) {
      response.json(await read(id, client));
      return;
    }
    const job = await waiters.wait(id, () => read(id, client), { timeoutMs: seconds * 1000, signal });
    response.set('Preference-Applied', `wait=${seconds}`).json(job);
  };
}

export function cancelRoute(cancel: CancelContext, metrics: Pick<ApiMetrics, 'jobsCanceled'>): RequestHandler {
  return async (request, response) => {
    const job = await cancelJob(cancel, jobId(request, response), contextOf(response).client);
    metrics.jobsCanceled.inc({ model: job.model.name });
    response.json(job);
  };
}
