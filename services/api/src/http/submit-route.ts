/** POST /v1/jobs. */
import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import { isFinal, ProblemError, sha256Hex, type ApiMetrics, type Job, type OpenLease } from '@quintet/shared';
import {
  asRedisProblem,
  jobFingerprint,
  submitJob,
  type Client,
  type Idempotency,
  type JobWaiters,
  type KnownJob,
  type ModelDirectory,
  type Standing,
  type Submission,
  type SubmitContext,
  type Waiter,
} from '../jobs/index.js';
import type { Upload, UploadReader } from './body/read-upload.js';
import { parseCaching } from './cache-control.js';
import type { SubmissionGate } from './gate.js';
import { parseIdempotencyKey } from './idempotency-key.js';
import { appliedPreferences, parsePrefer, waitSeconds } from './prefer.js';
import { queryOf } from './query.js';
import { contextOf } from './request-context.js';

/** As it counts for idempotency keys. */
const routeName = 'POST /v1/jobs';

export interface SubmitRoute {
  readonly submit: SubmitContext;
  readonly read: (id: string, client: Client) => Promise<Job>;
  readonly find: (id: string) => Promise<Standing>;
  readonly idempotency: Idempotency;
  readonly models: Pick<ModelDirectory, 'defaultModel'>;
  readonly waiters: JobWaiters;
  readonly readUpload: UploadReader;
  readonly maxWaitSeconds: number;
  readonly metrics: Pick<ApiMetrics, 'bytesIn' | 'jobsSubmitted' | 'jobsRefused' | 'idempotentReplays'>;
  readonly gate: Pick<SubmissionGate, 'enter'>;
}

type Taken = { readonly made: KnownJob } | { readonly replayed: string };

export function submitRoute(route: SubmitRoute): RequestHandler {
  return async (request, response) => {
    const context = contextOf(response);
    const { client, requestId, signal } = context;
    response.vary('Prefer');
    const preferences = parsePrefer(request.headersDistinct['prefer']);
    const seconds = waitSeconds(preferences, route.maxWaitSeconds);
    const caching = parseCaching(request.headersDistinct['cache-control']);
    const id = randomUUID();
    let taken: Taken;
    // Registered before the job is in its queue: its end cannot be missed, and its state need not be asked for.
    let waiter: Waiter | undefined;
    let place: OpenLease | undefined;

    const submit = async (
      { image, options }: Upload,
      rest: Pick<Submission, 'digest' | 'lease'>,
    ): Promise<KnownJob> => {
      if (seconds !== undefined) waiter = route.waiters.open(id, signal);
      const submission = { id, image, options, requestId, client, caching, ...(place && { place }), ...rest };
      const job = await submitJob(route.submit, submission);
      if (Buffer.isBuffer(image)) route.metrics.bytesIn.inc(image.length);
      return job;
    };
    try {
      const key = parseIdempotencyKey(request.headersDistinct['idempotency-key']);
      const repeats = key && (() => route.idempotency.knows({ client, route: routeName, key }));
      place = await route.gate.enter(request, response, id, { ...(repeats && { repeats }) });
      const query = queryOf(request);
      taken = await route.readUpload(request, response, query, async (upload) => {
        if (key === undefined) return { made: await submit(upload, {}) };
        const { image } = upload;
        const source = Buffer.isBuffer(image) ? { digest: await sha256Hex(image) } : { url: image.href };
        const fingerprint = jobFingerprint(routeName, source, upload.options, await route.models.defaultModel());
        return route.idempotency.run({
          client,
          route: routeName,
          key,
          fingerprint,
          id,
          find: route.find,
          submit: (lease) => submit(upload, { ...('digest' in source ? source : {}), lease }),
        });
      });
    } catch (error) {
      waiter?.close();
      await giveBack(place);
      const failure = asRedisProblem(error);
      const code = failure instanceof ProblemError ? failure.code : 'internal_error';
      route.metrics.jobsRefused.inc({ code });
      throw failure;
    }
    // Only a job that waits or runs is an open one.
    if ('replayed' in taken || isFinal(taken.made.job.status)) await giveBack(place);
    const job = 'made' in taken ? await follow(taken.made) : await replay(taken.replayed);
    const done = isFinal(job.status);
    const applied = appliedPreferences(preferences, seconds, done);
    if (applied !== undefined) response.set('Preference-Applied', applied);
    response
      .status(done ? 200 : 202)
      .location(job.links.self)
      .json(job);

    function follow(accepted: KnownJob): Promise<Job> {
      context.jobId = id;
      route.metrics.jobsSubmitted.inc({ model: accepted.job.model.name });
      return outcomeWithin(seconds, waiter, accepted, () => route.read(id, client));
    }

    /** The job that the key stands for, as it stands now. Nothing is made. */
    function replay(earlier: string): Promise<Job> {
      context.jobId = earlier;
      route.metrics.idempotentReplays.inc({ route: routeName });
      response.set('Idempotent-Replayed', 'true');
      const read = () => route.read(earlier, client);
      if (seconds === undefined) return read();
      return route.waiters.wait(earlier, read, { timeoutMs: seconds * 1000, signal });
    }
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

/** A place that cannot be given back now counts for two minutes more, and no longer. */
async function giveBack(place: OpenLease | undefined): Promise<void> {
  await place?.release().catch(() => undefined);
}
