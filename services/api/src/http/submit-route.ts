/** POST /v1/jobs. */
import type { RequestHandler } from 'express';
import { isFinal, ProblemError, type ApiMetrics, type Job } from '@quintet/shared';
import { submitJob, type JobWaiters, type SubmitContext } from '../jobs/index.js';
import type { UploadReader } from './body/read-upload.js';
import { parsePrefer, waitSeconds } from './prefer.js';
import { contextOf } from './request-context.js';

export interface SubmitRoute {
  readonly submit: SubmitContext;
  readonly read: (id: string) => Promise<Job>;
  readonly waiters: JobWaiters;
  readonly readUpload: UploadReader;
  readonly maxWaitSeconds: number;
  readonly metrics: Pick<ApiMetrics, 'bytesIn' | 'jobsSubmitted' | 'jobsRefused'>;
  /** Throws where no submission can be taken at all, before any of its body is read. */
  readonly checkOpen: () => void;
}

export function submitRoute(route: SubmitRoute): RequestHandler {
  return async (request, response) => {
    const context = contextOf(response);
    response.vary('Prefer');
    let job: Job;
    try {
      route.checkOpen();
      const query = new URLSearchParams(request.originalUrl.split('?').slice(1).join('?'));
      job = await route.readUpload(request, response, query, async ({ image, options }) => {
        const accepted = await submitJob(route.submit, { image, options, requestId: context.requestId });
        route.metrics.bytesIn.inc(image.length);
        return accepted;
      });
    } catch (error) {
      const code = error instanceof ProblemError ? error.code : 'internal_error';
      route.metrics.jobsRefused.inc({ code });
      throw error;
    }
    context.jobId = job.id;
    route.metrics.jobsSubmitted.inc({ model: job.model.name });

    const preferences = parsePrefer(request.headersDistinct['prefer']);
    const seconds = waitSeconds(preferences, route.maxWaitSeconds);
    if (seconds !== undefined) job = await waitFor(route, job, seconds, context.signal);
    const done = isFinal(job.status);
    const applied = [
      ...(seconds === undefined ? [] : [`wait=${seconds}`]),
      ...(preferences.has('respond-async') && !done ? ['respond-async'] : []),
    ];
    if (applied.length > 0) response.set('Preference-Applied', applied.join(', '));
    response
      .status(done ? 200 : 202)
      .location(job.links.self)
      .json(job);
  };
}

/** The job is accepted: whatever goes wrong while waiting, the client gets its id. */
async function waitFor(route: SubmitRoute, job: Job, seconds: number, signal: AbortSignal): Promise<Job> {
  try {
    return await route.waiters.wait(job.id, () => route.read(job.id), { timeoutMs: seconds * 1000, signal });
  } catch {
    return job;
  }
}
