/** POST /v1/jobs. */
import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import { isFinal, ProblemError, type ApiMetrics, type Job, type OpenLease } from '@quintet/shared';
import {
  submitJob,
  type Client,
  type JobWaiters,
  type KnownJob,
  type SubmitContext,
  type Waiter,
} from '../jobs/index.js';
import type { UploadReader } from './body/read-upload.js';
import type { SubmissionGate } from './gate.js';
import { parsePrefer, waitSeconds } from './prefer.js';
import { contextOf } from './request-context.js';

export interface SubmitRoute {
  readonly submit: SubmitContext;
  readonly read: (id: string, client: Client) => Promise<Job>;
  readonly waiters: JobWaiters;
  readonly readUpload: UploadReader;
  readonly maxWaitSeconds: number;
  readonly metrics: Pick<ApiMetrics, 'bytesIn' | 'jobsSubmitted' | 'jobsRefused'>;
  readonly gate: Pick<SubmissionGate, 'enter'>;
}

export function submitRoute(route: SubmitRoute): RequestHandler {
  return async (request, response) => {
    const context = contextOf(response);
    response.vary('Prefer');
    const preferences = parsePrefer(request.headersDistinct['prefer']);
    const seconds = waitSeconds(preferences, route.maxWaitSeconds);
    const id = randomUUID();
    let accepted: KnownJob;
    // Registered before the job is in its queue: its end cannot be missed, and its state need not be asked for.
    let waiter: Waiter | undefined;
    let lease: OpenLease | undefined;
    try {
      lease = await route.gate.enter(request, response, id);
      const query = new URLSearchParams(request.originalUrl.split('?').slice(1).join('?'));
      accepted = await route.readUpload(request, response, query, async ({ image, options }) => {
        if (seconds !== undefined) waiter = route.waiters.open(id, context.signal);
        const job = await submitJob(route.submit, {
          id,
          image,
          options,
          requestId: context.requestId,
          client: context.client,
          ...(lease === undefined ? {} : { lease }),
        });
        route.metrics.bytesIn.inc(image.length);
        return job;
      });
    } catch (error) {
      waiter?.close();
      // What cannot be given back now runs out by itself.
      await lease?.release().catch(() => undefined);
      const code = error instanceof ProblemError ? error.code : 'internal_error';
      route.metrics.jobsRefused.inc({ code });
      throw error;
    }
    context.jobId = id;
    route.metrics.jobsSubmitted.inc({ model: accepted.job.model.name });
    const job = await outcomeWithin(seconds, waiter, accepted, () => route.read(id, context.client));
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
async function outcomeWithin(
  seconds: number | undefined,
  waiter: Waiter | undefined,
  accepted: KnownJob,
  read: () => Promise<Job>,
): Promise<Job> {
  if (seconds === undefined || waiter === undefined) return accepted.job;
  try {
    return await waiter.untilEnded(read, seconds * 1000, accepted);
  } catch {
    return accepted.job;
  } finally {
    waiter.close();
  }
}
