/**
 * A request that stays until its pictures are classified, as clients of synchronous protocols expect: over the same gate,
 * checks, limits and queue as `POST /v1/jobs`, with a job for each picture.
 *
 *   entered (the gate is passed) → submitted → answered
 *   entered → refused                    what was submitted of several pictures is canceled
 *   submitted → left (the client went)   canceled: nobody can be given the answer
 *   submitted → late (MAX_WAIT_SECONDS)  504. The job goes on, and can be read under /v1/jobs; where its answer is kept for others,
 *                                        the same request sent again meets it. One whose whole output was wanted is canceled.
 * Invariant: whatever way it ends, no place among the client's open jobs stays taken for a job that does not exist.
 */
import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { isFinal, ProblemError } from '@quintet/shared';
import type { ErrorCode, Job, JobOptions, OpenLease } from '@quintet/shared';
import { asRedisProblem, cancelJob, readJob, submitJob, type KnownJob, type Waiter } from '../../jobs/index.js';
import { parseCaching, parsePrefer, waitSeconds } from '../headers.js';
import { contextOf } from '../request-context.js';
import type { Api } from '../route-table.js';

/** What is to be classified. */
export interface Subjects {
  /** Pictures, or addresses of some, or with `tensor` rows of the model's input. */
  readonly images: readonly (Buffer | URL)[];
  readonly tensor: boolean;
  /** Whether all that the model returns is wanted. */
  readonly output: boolean;
  readonly options: JobOptions;
}

interface Guest {
  readonly id: string;
  readonly waiter: Waiter;
  known?: KnownJob;
}

export class Visit {
  readonly #guests: Guest[] = [];
  #output = false;
  #submitted = false;

  private constructor(
    private readonly api: Api,
    private readonly request: Request,
    private readonly response: Response,
    private readonly firstId: string,
    private readonly places: (OpenLease | undefined)[],
  ) {}

  /** Passes the gate, before anything of the body is read, and has `work` submit and answer. `model` is one that exists. */
  static async run<T>(
    api: Api,
    request: Request,
    response: Response,
    model: string,
    work: (visit: Visit) => Promise<T>,
  ): Promise<T> {
    let visit: Visit | undefined;
    try {
      const id = randomUUID();
      const place = await api.gate.enter(request, response, id, { model });
      visit = new Visit(api, request, response, id, [place]);
      return await work(visit);
    } catch (error) {
      const failure = asRedisProblem(error);
      const code = failure instanceof ProblemError ? failure.code : 'internal_error';
      if (visit === undefined || !visit.#submitted) api.metrics.jobsRefused.inc({ code });
      if (visit !== undefined) await visit.#undo(code);
      throw failure;
    } finally {
      if (visit !== undefined) for (const { waiter } of visit.#guests) waiter.close();
    }
  }

  /** Makes a job of each. Throws as a submission does; none is left then. */
  async submit({ images, tensor, output, options }: Subjects): Promise<void> {
    const { request, response } = this;
    const { client, requestId, signal } = contextOf(response);
    const { jobs, metrics, gate, waiters } = this.api;
    const caching = parseCaching(request.headersDistinct['cache-control']);
    const ids = images.map((_, index) => (index === 0 ? this.firstId : randomUUID()));
    this.#output = output;
    await gate.charge(response, images.length - 1);
    if (ids.length > 1) this.places.push(await gate.open(response, ids.slice(1)));
    for (const [index, image] of images.entries()) {
      const id = ids[index] ?? randomUUID();
      // Registered before the job is in its queue: its end cannot be missed.
      const guest: Guest = { id, waiter: waiters.open(id, signal) };
      this.#guests.push(guest);
      const lease = this.places[Math.min(index, 1)];
      // Only of its own id: of one that has ended meanwhile a place would be taken until its record expires.
      const place = lease && { keep: (seconds: number) => lease.keep(seconds, [id]), release: () => lease.release() };
      const terms = { id, image, options, requestId, client, caching, tensor, output };
      guest.known = await submitJob(jobs, { ...terms, ...(place && { place }) });
      if (Buffer.isBuffer(image)) metrics.bytesIn.inc(image.length);
      metrics.jobsSubmitted.inc({ model: guest.known.job.model.name });
      // Only a job that waits or runs is an open one; one that had its answer from the start comes alone.
      if (isFinal(guest.known.job.status)) await place?.release().catch(() => undefined);
    }
    this.#submitted = true;
    contextOf(response).jobId = this.firstId;
  }

  /** The jobs when all have succeeded, in order. Throws what ended one of them otherwise, or `answer_timeout`. */
  async answers(): Promise<Job[]> {
    const { api, request, response } = this;
    const { client, signal } = contextOf(response);
    const { maxWaitSeconds } = api;
    const seconds = waitSeconds(parsePrefer(request.headersDistinct['prefer']), maxWaitSeconds) ?? maxWaitSeconds;
    const jobs = await Promise.all(
      this.#guests.map(({ id, waiter, known }) =>
        waiter.untilEnded(() => readJob(api.jobs, id, client), seconds * 1000, known),
      ),
    );
    for (const job of jobs) {
      if (job.status === 'succeeded') continue;
      if (signal.aborted) throw new ProblemError('upload_incomplete', 'The client left before its answer came.');
      throw isFinal(job.status) ? endOf(job) : this.#late(job, seconds);
    }
    return jobs;
  }

  /** All that the model returned for `job`, one value per class, where its output was wanted. */
  async output({ id }: Job): Promise<Float32Array> {
    const values = await this.api.outputs.take(id);
    if (values !== undefined) return values;
    // It was another version of the worker, or a minute passed.
    throw new ProblemError('inference_failed', "The model's values are no longer there. Send the request again.");
  }

  #late({ status, links }: Job, seconds: number): ProblemError {
    if (this.api.waiters.closed) {
      return new ProblemError('shutting_down', 'This instance is stopping. Try again, on another connection.', {
        headers: { 'Retry-After': '1', Connection: 'close' },
      });
    }
    const then = this.#output ? 'It is canceled.' : `It goes on, and its result will be at ${links.self}.`;
    return new ProblemError('answer_timeout', `After ${seconds} s the job is still ${status}. ${then}`);
  }

  /** Cancels what nobody is told of any more, and gives places back. */
  async #undo(code: ErrorCode): Promise<void> {
    const { api, response, places } = this;
    const { client } = contextOf(response);
    const goesOn = this.#submitted && !this.#output && (code === 'answer_timeout' || code === 'shutting_down');
    if (goesOn) return;
    const cancels = this.#guests
      .filter(({ known }) => known !== undefined)
      .map(async ({ id }) => {
        const { model } = await cancelJob(api.jobs, id, client);
        api.metrics.jobsCanceled.inc({ model: model.name });
      });
    // Of those that had ended by themselves there is nothing to cancel; places that stay count for two minutes more.
    await Promise.allSettled(cancels);
    await Promise.allSettled(places.map(async (place) => place?.release()));
  }
}

function endOf({ id, status, error }: Job): ProblemError {
  if (error !== undefined) return new ProblemError(error.code, error.detail ?? error.title);
  if (status === 'canceled') return new ProblemError('job_canceled', `Job ${id} was canceled.`);
  return new ProblemError('answer_timeout', `Job ${id} did not start in the time that it was given.`);
}
