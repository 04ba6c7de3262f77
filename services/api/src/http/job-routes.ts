/** Jobs that are there: the list; reading, watching and cancelling one; its heat map. */
import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import { jobStatuses, ProblemError, readJobCursor, writeJobCursor } from '@quintet/shared';
import { cancelJob, listJobs, readExplanation, readJob } from '../jobs/index.js';
import { json, pathParameter, pictureBytes, preferParameter, queryParameter, text } from '../openapi/operation.js';
import { jobOf, origin } from '../openapi/samples.js';
import { namesEtag, parsePrefer, waitSeconds } from './headers.js';
import { defaultPageLimit, mostPerPage, pageQuery } from './query.js';
import { contextOf } from './request-context.js';
import type { Endpoint } from './route-table.js';

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

export const idParameter = pathParameter('id', "The job's id.");

/** Answers 200 with a page of the client's jobs, and the cursor of the next where there may be one. */
export const list: Endpoint = {
  operation: {
    id: 'listJobs',
    tag: 'jobs',
    summary: "The client's jobs, newest first.",
    description:
      'As long as they are kept, items of batches among them; of more than a million, the newest million. A cursor is a place in the ' +
      'list: jobs that are submitted or expire between two pages shift nothing. With `status`, a page may be short or even empty; ' +
      'only a page without `next_cursor` is the last.',
    parameters: [
      queryParameter('status', 'Only those with this status.', { type: 'string', enum: jobStatuses }),
      queryParameter('limit', `How many at most; ${defaultPageLimit} where it is absent.`, {
        type: 'integer',
        minimum: 1,
        maximum: mostPerPage,
      }),
      queryParameter('cursor', 'The `next_cursor` of the page before.', { type: 'string' }),
    ],
    answers: { 200: { description: 'A page of them.', content: json('JobPage') } },
    codes: ['option_invalid', 'option_unknown'],
  },
  handler: (api) => async (request, response) => {
    const { filter, ...range } = pageQuery(request, { name: 'status', values: jobStatuses }, readJobCursor);
    const { jobs, next } = await listJobs(api.jobs, { status: filter, ...range }, contextOf(response).client);
    response.json({ jobs, ...(next === undefined ? {} : { next_cursor: writeJobCursor(next) }) });
  },
};

/** Answers 200 with the job as it stands; with `Prefer: wait`, as it stands when it has ended or the time is over. */
export const read: Endpoint = {
  operation: {
    id: 'readJob',
    tag: 'jobs',
    summary: 'Reads a job, or waits for its end.',
    curl: `${jobOf()}\ncurl -H 'Prefer: wait=10' ${origin}/v1/jobs/$JOB`,
    parameters: [idParameter, preferParameter],
    answers: { 200: { description: 'The job as it is now.', content: json('Job'), headers: ['Preference-Applied'] } },
    codes: ['job_id_invalid', 'job_not_found'],
  },
  handler: (api) => async (request, response) => {
    response.vary('Prefer');
    const id = jobId(request, response);
    const seconds = waitSeconds(parsePrefer(request.headersDistinct['prefer']), api.maxWaitSeconds);
    const { signal, client } = contextOf(response);
    if (seconds === undefined) {
      response.json(await readJob(api.jobs, id, client));
      return;
    }
    const job = await api.waiters.wait(id, () => readJob(api.jobs, id, client), { timeoutMs: seconds * 1000, signal });
    response.set('Preference-Applied', `wait=${seconds}`).json(job);
  },
};

/**
 * The job's states as Server-Sent Events, from the present one to the last. The id of an event says the state. A client
 * that comes back with it as `Last-Event-ID` is told the present state unless it is that one. One that has the final
 * state already is answered 204, on which an EventSource stops.
 */
export const watch: Endpoint = {
  operation: {
    id: 'watchJob',
    tag: 'jobs',
    summary: 'Streams the states of a job.',
    curl: `${jobOf()}\ncurl -N ${origin}/v1/jobs/$JOB/events`,
    description:
      'Server-sent events named `status`, each with the whole job: its place in the queue as it changes, its start and its ' +
      'end, after which the stream ends.',
    parameters: [
      idParameter,
      {
        in: 'header',
        name: 'Last-Event-ID',
        description: 'The id of the last event that was received, by which a stream goes on where it was cut.',
        schema: { type: 'string' },
      },
    ],
    answers: {
      200: { description: 'The stream.', content: { 'text/event-stream': text } },
      204: { description: 'The end has been received already.' },
    },
    codes: ['job_id_invalid', 'job_not_found', 'shutting_down', 'streams_busy'],
  },
  handler: (api) => async (request, response) => {
    const id = jobId(request, response);
    const { client, signal } = contextOf(response);
    api.streams.requireRoom();
    const received = request.get('Last-Event-ID');
    const watched = await api.events.watch(id, client);
    const { state } = watched;
    if (signal.aborted) {
      watched.close();
      return;
    }
    response.once('close', () => {
      watched.close();
    });
    if (state.final && state.token === received) {
      response.status(204).end();
      return;
    }
    // Not response.set, which would add a charset: an event stream is UTF-8 always.
    response.setHeader('Content-Type', 'text/event-stream');
    response.set({ 'Cache-Control': 'no-store, no-transform', 'X-Accel-Buffering': 'no' });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const stream = api.streams.open(response, received);
    watched.listen((next) => {
      stream.send(next);
    });
  },
};

export const cancel: Endpoint = {
  operation: {
    id: 'cancelJob',
    tag: 'jobs',
    summary: 'Cancels a job.',
    parameters: [idParameter],
    answers: { 200: { description: 'The job, canceled.', content: json('Job') } },
    codes: ['job_id_invalid', 'job_not_found', 'job_finished'],
  },
  handler: (api) => async (request, response) => {
    const job = await cancelJob(api.jobs, jobId(request, response), contextOf(response).client);
    api.metrics.jobsCanceled.inc({ model: job.model.name });
    response.json(job);
  },
};

/**
 * Answers 200 with the heat map, or 304 to a client that has it. It never changes, so that client may keep it as long
 * as it lives here; no cache in between may, as it is only for the one who submitted the picture.
 */
export const heatMap: Endpoint = {
  operation: {
    id: 'readExplanation',
    tag: 'jobs',
    summary: 'The heat map of a job that was submitted with `explain`.',
    description:
      'A PNG that covers `explanation.region` of the picture: transparent where nothing spoke for the most likely class, and ever ' +
      'more opaque and lighter where more did. It is there as long as the result, and never changes.',
    parameters: [
      idParameter,
      {
        in: 'header',
        name: 'If-None-Match',
        description: 'The ETag of a heat map that is there already.',
        schema: { type: 'string' },
      },
    ],
    answers: {
      200: {
        description: 'The heat map.',
        content: { 'image/png': pictureBytes },
        headers: ['Cache-Control', 'ETag'],
      },
      304: { description: 'It is the one that is there already.' },
    },
    codes: ['explanation_not_found', 'job_id_invalid'],
  },
  handler: (api) => async (request, response) => {
    const { png, secondsLeft } = await readExplanation(api.jobs, jobId(request, response), contextOf(response).client);
    const etag = `"${createHash('sha256').update(png).digest('base64url').slice(0, 27)}"`;
    response.set('Cache-Control', `private, max-age=${secondsLeft}, immutable`).set('ETag', etag);
    if (namesEtag(request.headers['if-none-match'], etag)) response.status(304).end();
    else response.type('png').send(png);
  },
};
