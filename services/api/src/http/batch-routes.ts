/** /v1/batches and what is under it. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, RequestHandler, Response } from 'express';
import { ProblemError, type ApiMetrics, type Batch, type OpenLease } from '@quintet/shared';
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
  type CancelBatchContext,
  type SubmitBatchContext,
} from '../batches/index.js';
import { asRedisProblem, type Idempotency, type JobWaiters, type Lease, type ModelDirectory } from '../jobs/index.js';
import type { BatchUploadReader } from './body/batch/read-batch-upload.js';
import { parseCaching } from './cache-control.js';
import type { SubmissionGate } from './gate.js';
import { parseIdempotencyKey } from './idempotency-key.js';
import { uuidPattern } from './job-routes.js';
import { appliedPreferences, parsePrefer, waitSeconds } from './prefer.js';
import { queryOf } from './query.js';
import { contextOf } from './request-context.js';

/** As it counts for idempotency keys. */
const routeName = 'POST /v1/batches';

export interface BatchRoutes {
  readonly batches: SubmitBatchContext & CancelBatchContext;
  readonly readBatchUpload: BatchUploadReader;
  readonly waiters: JobWaiters;
  readonly maxWaitSeconds: number;
  readonly metrics: Pick<
    ApiMetrics,
    'bytesIn' | 'jobsSubmitted' | 'jobsRefused' | 'jobsCanceled' | 'batchItems' | 'idempotentReplays'
  >;
  readonly gate: Pick<SubmissionGate, 'enterMany' | 'charge' | 'open'>;
  readonly idempotency: Idempotency;
  readonly models: Pick<ModelDirectory, 'defaultModel'>;
}

function batchId(request: Request): string {
  const id = request.params['id'];
  if (typeof id === 'string' && uuidPattern.test(id)) return id;
  throw new ProblemError('batch_id_invalid', 'A batch id looks like 01234567-89ab-cdef-0123-456789abcdef.');
}

/** POST: 202 with the batch, or with `Prefer: wait` 200 where it ends in time. */
export function submitBatchRoute(routes: BatchRoutes): RequestHandler {
  const { batches, waiters } = routes;
  return async (request, response) => {
    response.vary('Prefer');
    const { signal, client } = contextOf(response);
    const id = await takeBatch(routes, request, response);
    // The batch is accepted: whatever goes wrong while waiting, the client gets its id.
    const preferences = parsePrefer(request.headersDistinct['prefer']);
    const seconds = waitSeconds(preferences, routes.maxWaitSeconds);
    const read = (): Promise<Batch> => readBatch(batches, id, client);
    const timeoutMs = 1000 * (seconds ?? 0);
    const batch = await waitForBatch(waiters, id, read, { timeoutMs, signal }).catch(() => undefined);
    const done = batch?.finished_at !== undefined;
    const applied = appliedPreferences(preferences, seconds, done);
    if (applied !== undefined) response.set('Preference-Applied', applied);
    const self = `/v1/batches/${id}`;
    response
      .status(done ? 200 : 202)
      .location(self)
      .json(batch ?? { id, status: 'queued', links: { self, results: `${self}/results` } });
  };
}

/** The id of the batch that the request made, or that its Idempotency-Key had made before. */
async function takeBatch(routes: BatchRoutes, request: Request, response: Response): Promise<string> {
  const { batches, metrics } = routes;
  const { signal, client, requestId } = contextOf(response);
  const caching = parseCaching(request.headersDistinct['cache-control']);
  let staging: BatchStaging | undefined;
  let places: OpenLease | undefined;
  try {
    const key = parseIdempotencyKey(request.headersDistinct['idempotency-key']);
    const repeats = key === undefined ? undefined : () => routes.idempotency.knows({ client, route: routeName, key });
    await routes.gate.enterMany(request, response, { ...(repeats && { repeats }) });
    const staged = new BatchStaging(batches, signal, repeats);
    staging = staged;
    const query = queryOf(request);
    // Told before the upload comes: a model that does not exist is none of its faults.
    const named = query.get('model');
    if (named !== null) await batches.models.resolve(named);
    const options = await routes.readBatchUpload(request, response, query, staged);
    const submit = async (lease: Lease | undefined): Promise<void> => {
      const ids = staged.items.map(({ jobId }) => jobId);
      await routes.gate.charge(response, ids.length - 1);
      places = await routes.gate.open(response, ids);
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
    const taken = await routes.idempotency.run({
      client,
      route: routeName,
      key,
      fingerprint: batchFingerprint(routeName, staged.items, options, await routes.models.defaultModel()),
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
export function readBatchRoute({ batches, waiters, maxWaitSeconds }: BatchRoutes): RequestHandler {
  return async (request, response) => {
    response.vary('Prefer');
    const id = batchId(request);
    const { signal, client } = contextOf(response);
    const seconds = waitSeconds(parsePrefer(request.headersDistinct['prefer']), maxWaitSeconds);
    const read = (): Promise<Batch> => readBatch(batches, id, client);
    const batch = await waitForBatch(waiters, id, read, { timeoutMs: 1000 * (seconds ?? 0), signal });
    if (seconds !== undefined) response.set('Preference-Applied', `wait=${seconds}`);
    response.json(batch);
  };
}

/** DELETE: cancels what has not ended. */
export function cancelBatchRoute({ batches, metrics }: BatchRoutes): RequestHandler {
  return async (request, response) => {
    const batch = await cancelBatch(batches, batchId(request), contextOf(response).client);
    metrics.jobsCanceled.inc({ model: batch.model.name }, batch.counts.canceled);
    response.json(batch);
  };
}

/** GET results: the items in order, in the form that Accept asks for, as they are read. */
export function batchResultsRoute({ batches }: BatchRoutes): RequestHandler {
  return async (request, response) => {
    response.vary('Accept');
    const id = batchId(request);
    const formats = resultsFormats(1);
    const type = request.accepts(formats.map((format) => format.type));
    if (type === false) {
      const types = formats.map((format) => format.type).join(', ');
      throw new ProblemError('not_acceptable', `Accept excludes what there is: ${types}.`);
    }
    const { record, total = 0 } = await findBatch(batches, id, contextOf(response).client);
    const format = resultsFormats(record.top_k).find((each) => each.type === type);
    if (format === undefined) throw new Error(`there is no format ${type}`);
    response.set('Content-Type', `${format.type}; charset=utf-8`);
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const chunks = batchResults(batches, { id, model: record.model.name, total });
    await stream(response, writeResults(format, chunks));
  };
}

/** Sends `pieces` as the client takes them. One that leaves ends the reading; a fault cuts the answer, so that it shows. */
async function stream(response: Response, pieces: AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(pieces, { objectMode: true, highWaterMark: 1 }), response);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}
