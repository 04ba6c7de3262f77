/**
 * What a submission must pass before any of its body is read. In this order: first what concerns everybody and costs no
 * round trip, so that a service that is full says so at once and takes nothing off a client's account; then what concerns
 * this client.
 *
 *   stopping, Redis away (503) → memory for pictures (503) → queue (503) → rate (429) → open jobs (429) → the body
 *
 * The queue of a raw picture is known from the address, and so is that of a route with a model in its path. Of a form or a
 * document it is inside, so there only queues that are all full can be told now; the exact check comes when the model is known
 * (jobs/submit.ts).
 */
import type { Request, Response } from 'express';
import { ProblemError, type OpenJobs, type OpenLease } from '@quintet/shared';
import type { Admission, MemoryGuard, ModelDirectory } from '../jobs/index.js';
import type { RateLimits } from '../limits/rate-limits.js';
import { incomplete } from './body/read-body.js';
import { queryOf } from './query.js';
import { contextOf } from './request-context.js';

/** Seconds after which a client whose jobs are all open may ask again: any of them may end at any time. */
const openRetrySeconds = 1;

export interface GateOptions {
  /** Throws where no submission can be taken at all. */
  readonly checkOpen: () => void;
  readonly memory: Pick<MemoryGuard, 'check'>;
  readonly admission: Pick<Admission, 'refuseFull'>;
  readonly models: Pick<ModelDirectory, 'names' | 'defaultModel'>;
  readonly rates: Pick<RateLimits, 'take'>;
  readonly openJobs: Pick<OpenJobs, 'hold'>;
}

export interface Entry {
  /**
   * Whether it repeats an earlier submission, which makes nothing new and needs no room. Asked for only where that decides, since
   * it is a question to Redis and nearly every submission is a first one.
   */
  readonly repeats?: () => Promise<boolean>;
  /** Of the submission, where its path has named one that exists. */
  readonly model?: string;
}

export class SubmissionGate {
  constructor(private readonly options: GateOptions) {}

  /**
   * Lets a submission of the job `id` in, or throws the reason why not. What is returned, where anything is, has to be kept
   * or released: it is the job's place among those that its client may have open.
   */
  async enter(request: Request, response: Response, id: string, entry: Entry = {}): Promise<OpenLease | undefined> {
    await this.enterMany(request, response, entry);
    const isLimited = contextOf(response).limits.concurrency > 0;
    const lease = isLimited && !(await entry.repeats?.()) ? await this.open(response, [id]) : undefined;
    if (request.destroyed) {
      await lease?.release();
      throw incomplete();
    }
    return lease;
  }

  /** The same for a submission of which only its upload tells how many jobs it has: see `charge` and `open`. */
  async enterMany(request: Request, response: Response, { repeats, model }: Entry): Promise<void> {
    const { checkOpen, memory, admission, rates } = this.options;
    checkOpen();
    try {
      await memory.check(Number(request.headers['content-length'] ?? 0));
      await admission.refuseFull(model === undefined ? await this.#modelsOf(request) : [model]);
    } catch (full) {
      if (!(await repeats?.())) throw full;
    }
    response.set(await rates.take('default', contextOf(response).limits));
  }

  /** Counts `more` pictures beyond the first, once it is known how many there are. Throws `rate_limited`. */
  async charge(response: Response, more: number): Promise<void> {
    if (more > 0) response.set(await this.options.rates.take('default', contextOf(response).limits, more));
  }

  /** Places for the jobs `ids`; undefined where the client may have any number. Throws `concurrency_limited`. */
  async open(response: Response, ids: readonly string[]): Promise<OpenLease | undefined> {
    const { key, concurrency } = contextOf(response).limits;
    if (concurrency === 0) return undefined;
    const lease = await this.options.openJobs.hold(key, ids, concurrency);
    if (lease !== undefined) return lease;
    throw new ProblemError(
      'concurrency_limited',
      `You may have ${concurrency} unfinished jobs, and ${ids.length === 1 ? 'have them' : `these are ${ids.length} more`}. ` +
        'Try again when one has ended.',
      { headers: { 'Retry-After': String(openRetrySeconds) } },
    );
  }

  /** The models that the submission may be for. */
  async #modelsOf(request: Request): Promise<readonly string[]> {
    const { models } = this.options;
    const type = (request.headers['content-type'] ?? '').toLowerCase();
    const isInside = type.startsWith('multipart/') || type.startsWith('application/json');
    const known = await models.names();
    if (isInside) return known;
    const named = queryOf(request).get('model') ?? (await models.defaultModel());
    // One that does not exist is refused by name, later; so is none where there is no default.
    return named !== undefined && known.includes(named) ? [named] : [];
  }
}
