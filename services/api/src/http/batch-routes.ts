/** /v1/batches and what is under it. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { ProblemError, type Batch, type OpenLease } from '@quintet/shared';
import {
  batchFingerprint,
  batchResults,
  BatchStaging,
  batchStanding,
  cancelBatch,
  findBatch,
  readBatch,
  resultsFormats,
  submitBatch,
  waitForBatch,
  writeResults,
} from '../batches/index.js';
import { asRedisProblem, type Lease } from '../jobs/index.js';
import {
  cacheParameter,
  idempotencyCodes,
  idempotencyParameter,
  json,
  optionParameters,
  pathParameter,
  pictureBytes,
  preferParameter,
  submissionHeaders,
  text,
  uploadCodes,
} from '../openapi/operation.js';
import { batchOf, origin } from '../openapi/samples.js';
import { ref } from '../openapi/schemas.js';
import { appliedPreferences, parseCaching, parseIdempotencyKey, parsePrefer, waitSeconds } from './headers.js';
import { uuidPattern } from './job-routes.js';
import { queryOf } from './query.js';
import { contextOf } from './request-context.js';
import type { Api, Endpoint } from './route-table.js';

/** As it counts for idempotency keys. */
const routeName = 'POST /v1/batches';

const idParameter = pathParameter('id', "The batch's id.");

function batchId(request: Request): string {
  const id = request.params['id'];
  if (typeof id === 'string' && uuidPattern.test(id)) return id;
  throw new ProblemError('batch_id_invalid', 'A batch id looks like 01234567-89ab-cdef-0123-456789abcdef.');
}

/** POST: 202 with the batch, or with `Prefer: wait` 200 where it ends in time. */
export const submit: Endpoint = {
  operation: {
    id: 'submitBatch',
    tag: 'batches',
    summary: 'Submits many pictures at once.',
    curl: `curl -H 'Prefer: wait=10' -F images=@photo.jpg -F images=@photo.jpg ${origin}/v1/batches`,
    description:
      'Each is a job like any other; one that is no picture fails alone. Options are those of a job, for every item: query parameters, ' +
      'whatever the body; members of JSON and fields of a form may be options, too.',
    parameters: [preferParameter, idempotencyParameter, cacheParameter, ...optionParameters('BatchRequest')],
    body: {
      description:
        'The pictures: a list of addresses or base64, a form with many files, or a ZIP or TAR archive, compressed with gzip or not. An archive ' +
        'may also have `application/zip`, `application/x-tar` or `application/gzip` as its Content-Type.',
      content: {
        ...json('BatchRequest'),
        'multipart/form-data': {
          schema: {
            type: 'object',
            properties: { images: { type: 'array', items: pictureBytes.schema, description: 'The files.' } },
            required: ['images'],
          },
        },
        'application/octet-stream': pictureBytes,
      },
    },
    answers: {
      200: {
        description: 'The batch, all of whose items have ended within the time that was asked for.',
        content: json('Batch'),
        headers: submissionHeaders,
      },
      202: {
        description: 'The batch, which is accepted as a whole.',
        content: json('Batch'),
        headers: submissionHeaders,
      },
    },
    codes: [
      ...uploadCodes,
      ...idempotencyCodes,
      'archive_malformed',
      'base64_invalid',
      'batch_empty',
      'batch_too_large',
      'batch_too_many_items',
      'file_field_unexpected',
    ],
  },
  handler: (api) => async (request, response) => {
    response.vary('Prefer');
    const { signal, client } = contextOf(response);
    const id = await takeBatch(api, request, response);
    // The batch is accepted: whatever goes wrong while waiting, the client gets its id.
    const preferences = parsePrefer(request.headersDistinct['prefer']);
    const seconds = waitSeconds(preferences, api.maxWaitSeconds);
    const read = (): Promise<Batch> => readBatch(api.batches, id, client);
    const timeoutMs = 1000 * (seconds ?? 0);
    const batch = await waitForBatch(api.waiters, id, read, { timeoutMs, signal }).catch(() => undefined);
    const done = batch?.finished_at !== undefined;
    const applied = appliedPreferences(preferences, seconds, done);
    if (applied !== undefined) response.set('Preference-Applied', applied);
    const self = `/v1/batches/${id}`;
    response
      .status(done ? 200 : 202)
      .location(self)
      .json(batch ?? { id, status: 'queued', links: { self, results: `${self}/results` } });
  },
};

/** The id of the batch that the request made, or that its Idempotency-Key had made before. */
async function takeBatch(api: Api, request: Request, response: Response): Promise<string> {
  const { batches, metrics, gate, idempotency } = api;
  const { signal, client, requestId } = contextOf(response);
  const caching = parseCaching(request.headersDistinct['cache-control']);
  let staging: BatchStaging | undefined;
  let places: OpenLease | undefined;
  try {
    const key = parseIdempotencyKey(request.headersDistinct['idempotency-key']);
    const repeats = key === undefined ? undefined : () => idempotency.knows({ client, route: routeName, key });
    await gate.enterMany(request, response, { ...(repeats && { repeats }) });
    const staged = new BatchStaging(batches, signal, repeats);
    staging = staged;
    const query = queryOf(request);
    // Told before the upload comes: a model that does not exist is none of its faults.
    const named = query.get('model');
    if (named !== null) await batches.models.resolve(named);
    const options = await api.readBatchUpload(request, response, query, staged);
    const submit = async (lease: Lease | undefined): Promise<void> => {
      const ids = staged.items.map(({ jobId }) => jobId);
      await gate.charge(response, ids.length - 1);
      places = await gate.open(response, ids);
      const terms = { requestId, client, caching, places, lease };
      const { model } = await submitBatch(batches, staged, options, terms);
      metrics.bytesIn.inc(staged.bytes);
      metrics.jobsSubmitted.inc({ model: model.name }, ids.length);
      metrics.batchItems.observe(ids.length);
    };
    if (key === undefined) {
      await submit(undefined);
      return staged.id;
    }
    const taken = await idempotency.run({
      client,
      route: routeName,
      key,
      fingerprint: batchFingerprint(routeName, staged.items, options, await api.models.defaultModel()),
      id: staged.id,
      find: (id) => batchStanding(batches, id),
      submit,
    });
    if ('made' in taken) return staged.id;
    await staged.discard();
    metrics.idempotentReplays.inc({ route: routeName });
    response.set('Idempotent-Replayed', 'true');
    return taken.replayed;
  } catch (error) {
    await staging?.discard();
    // Places that cannot be given back now count for two minutes more, and no longer.
    await places?.release().catch(() => undefined);
    const failure = asRedisProblem(error);
    metrics.jobsRefused.inc({ code: failure instanceof ProblemError ? failure.code : 'internal_error' });
    throw failure;
  }
}

/** GET: the batch as it stands; with `Prefer: wait`, as it stands when it has ended or the time is over. */
export const read: Endpoint = {
  operation: {
    id: 'readBatch',
    tag: 'batches',
    summary: 'Counts by state, progress and the first errors; or waits for the end.',
    parameters: [idParameter, preferParameter],
    answers: {
      200: { description: 'The batch as it is now.', content: json('Batch'), headers: ['Preference-Applied'] },
    },
    codes: ['batch_id_invalid', 'batch_not_found'],
  },
  handler: (api) => async (request, response) => {
    response.vary('Prefer');
    const id = batchId(request);
    const { signal, client } = contextOf(response);
    const seconds = waitSeconds(parsePrefer(request.headersDistinct['prefer']), api.maxWaitSeconds);
    const read = (): Promise<Batch> => readBatch(api.batches, id, client);
    const batch = await waitForBatch(api.waiters, id, read, { timeoutMs: 1000 * (seconds ?? 0), signal });
    if (seconds !== undefined) response.set('Preference-Applied', `wait=${seconds}`);
    response.json(batch);
  },
};

/** DELETE: cancels what has not ended. */
export const cancel: Endpoint = {
  operation: {
    id: 'cancelBatch',
    tag: 'batches',
    summary: 'Cancels what has not ended.',
    parameters: [idParameter],
    answers: { 200: { description: 'The batch, canceled.', content: json('Batch') } },
    codes: ['batch_finished', 'batch_id_invalid', 'batch_not_found'],
  },
  handler: (api) => async (request, response) => {
    const batch = await cancelBatch(api.batches, batchId(request), contextOf(response).client);
    api.metrics.jobsCanceled.inc({ model: batch.model.name }, batch.counts.canceled);
    response.json(batch);
  },
};

/** GET results: the items in order, in the form that Accept asks for, as they are read. */
export const results: Endpoint = {
  operation: {
    id: 'readBatchResults',
    tag: 'batches',
    summary: 'Every item in order, finished or not, as it is read.',
    curl: `${batchOf()}\ncurl -H 'Accept: text/csv' ${origin}/v1/batches/$BATCH/results`,
    parameters: [idParameter],
    answers: {
      200: {
        description: 'The results, in the form that Accept asks for.',
        content: {
          'application/json': { schema: { type: 'array', items: ref('BatchResult') } },
          'application/x-ndjson': text,
          'text/csv': text,
        },
      },
    },
    codes: ['batch_id_invalid', 'batch_not_found'],
  },
  handler: (api) => async (request, response) => {
    response.vary('Accept');
    const id = batchId(request);
    const formats = resultsFormats(1);
    const type = request.accepts(formats.map((format) => format.type));
    if (type === false) {
      const types = formats.map((format) => format.type).join(', ');
      throw new ProblemError('not_acceptable', `Accept excludes what there is: ${types}.`);
    }
    const { record, total = 0 } = await findBatch(api.batches, id, contextOf(response).client);
    const format = resultsFormats(record.top_k).find((each) => each.type === type);
    if (format === undefined) throw new Error(`there is no format ${type}`);
    response.set('Content-Type', `${format.type}; charset=utf-8`);
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const chunks = batchResults(api.batches, { id, model: record.model.name, total });
    await stream(response, writeResults(format, chunks));
  },
};

/** Sends `pieces` as the client takes them. One that leaves ends the reading; a fault cuts the answer, so that it shows. */
async function stream(response: Response, pieces: AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(pieces, { objectMode: true, highWaterMark: 1 }), response);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}
