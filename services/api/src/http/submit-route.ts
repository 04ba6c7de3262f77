/** POST /v1/jobs. */
import { randomUUID } from 'node:crypto';
import { isFinal, ProblemError, sha256Hex, type Job, type OpenLease } from '@quintet/shared';
import {
  asRedisProblem,
  findJob,
  jobFingerprint,
  readJob,
  submitJob,
  type KnownJob,
  type Submission,
  type Waiter,
} from '../jobs/index.js';
import {
  cacheParameter,
  idempotencyCodes,
  idempotencyParameter,
  imageCodes,
  json,
  optionParameters,
  pictureBytes,
  preferParameter,
  submissionHeaders,
  uploadCodes,
} from '../openapi/operation.js';
import { origin } from '../openapi/samples.js';
import type { Upload } from './body/read-upload.js';
import { appliedPreferences, parseCaching, parseIdempotencyKey, parsePrefer, waitSeconds } from './headers.js';
import { queryOf } from './query.js';
import { contextOf } from './request-context.js';
import type { Endpoint } from './route-table.js';

/** As it counts for idempotency keys. */
const routeName = 'POST /v1/jobs';

type Taken = { readonly made: KnownJob } | { readonly replayed: string };

export const submit: Endpoint = {
  operation: {
    id: 'submitJob',
    tag: 'jobs',
    summary: 'Submits a picture.',
    curl: `curl -H 'Prefer: wait=10' -F image=@photo.jpg ${origin}/v1/jobs`,
    description:
      'What a file is, its bytes decide, never its name or its Content-Type. Accepted is never lost: the answer is sent ' +
      'when the job is in Redis. Options are query parameters, whatever the body; members of JSON and fields of a form may be options, ' +
      'too. An option that is given twice must have the same value in both places.',
    parameters: [preferParameter, idempotencyParameter, cacheParameter, ...optionParameters('JobRequest')],
    body: {
      description:
        'The picture, in one of three forms. As the body itself, it may have any `image/*` as its Content-Type.',
      // JSON first: of several kinds, generated clients send the first, and name JSON as its type wherever it is among them.
      content: {
        ...json('JobRequest'),
        'multipart/form-data': {
          schema: {
            type: 'object',
            properties: { image: { ...pictureBytes.schema, description: 'The file.' } },
            required: ['image'],
          },
        },
        'application/octet-stream': pictureBytes,
      },
    },
    answers: {
      200: {
        description: 'The job, which has ended within the time that was asked for.',
        content: json('Job'),
        headers: submissionHeaders,
      },
      202: {
        description: 'The job, which is accepted.',
        content: json('Job'),
        headers: submissionHeaders,
      },
    },
    codes: [...uploadCodes, ...imageCodes, ...idempotencyCodes],
  },
  handler: (api) => async (request, response) => {
    const context = contextOf(response);
    const { client, requestId, signal } = context;
    response.vary('Prefer');
    const preferences = parsePrefer(request.headersDistinct['prefer']);
    const seconds = waitSeconds(preferences, api.maxWaitSeconds);
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
      if (seconds !== undefined) waiter = api.waiters.open(id, signal);
      const submission = { id, image, options, requestId, client, caching, ...(place && { place }), ...rest };
      const job = await submitJob(api.jobs, submission);
      if (Buffer.isBuffer(image)) api.metrics.bytesIn.inc(image.length);
      return job;
    };
    try {
      const key = parseIdempotencyKey(request.headersDistinct['idempotency-key']);
      const repeats = key && (() => api.idempotency.knows({ client, route: routeName, key }));
      place = await api.gate.enter(request, response, id, { ...(repeats && { repeats }) });
      const query = queryOf(request);
      taken = await api.readUpload(request, response, query, async (upload) => {
        if (key === undefined) return { made: await submit(upload, {}) };
        const { image } = upload;
        const source = Buffer.isBuffer(image) ? { digest: await sha256Hex(image) } : { url: image.href };
        const fingerprint = jobFingerprint(routeName, source, upload.options, await api.models.defaultModel());
        return api.idempotency.run({
          client,
          route: routeName,
          key,
          fingerprint,
          id,
          find: (earlier) => findJob(api.jobs, earlier),
          submit: (lease) => submit(upload, { ...('digest' in source ? source : {}), lease }),
        });
      });
    } catch (error) {
      waiter?.close();
      await giveBack(place);
      const failure = asRedisProblem(error);
      const code = failure instanceof ProblemError ? failure.code : 'internal_error';
      api.metrics.jobsRefused.inc({ code });
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
      api.metrics.jobsSubmitted.inc({ model: accepted.job.model.name });
      return outcomeWithin(seconds, waiter, accepted, () => readJob(api.jobs, id, client));
    }

    /** The job that the key stands for, as it stands now. Nothing is made. */
    function replay(earlier: string): Promise<Job> {
      context.jobId = earlier;
      api.metrics.idempotentReplays.inc({ route: routeName });
      response.set('Idempotent-Replayed', 'true');
      const read = () => readJob(api.jobs, earlier, client);
      if (seconds === undefined) return read();
      return api.waiters.wait(earlier, read, { timeoutMs: seconds * 1000, signal });
    }
  },
};

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
