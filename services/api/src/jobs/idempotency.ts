/**
 * Idempotency-Key: a request that is sent again makes nothing again. For jobs, batches, or whatever else a route makes.
 *
 * A key belongs to its client and its route, and stands for a fingerprint (the request) and an id (what it makes). It is
 * claimed before anything is stored and settled once everything is:
 *
 *   free → pending → settled → free (after IDEMPOTENCY_TTL_SECONDS, or where what it made is no longer kept)
 *          pending → free (the submission failed)
 * and a request that finds it
 *   free                                    has it, and submits
 *   pending for less than `staleMs`         409 idempotency_in_progress; with another fingerprint 422
 *   pending for longer: its API died        settled, if what it was to make is all there; else taken over, as if free
 *   settled                                 is answered with what was made; with another fingerprint 422
 * Invariants: of requests with one key at most one submits at a time. Whoever has a claim and has not used it within half of
 * `staleMs` no longer may, so one that is taken over is never used.
 * Trade-off: a submission whose undoing failed, because Redis is away, leaves its claim: it is judged when it is stale, and
 * a client that comes sooner is told to wait.
 */
import { createHash } from 'node:crypto';
import { ProblemError, type IdempotencyStore, type JobOptions, type KnownKey } from '@quintet/shared';
import type { Client } from './client.js';
import { redisUnavailable } from './redis-guard.js';

/** Far more than a submission takes: each of its few steps waits 2 s for Redis at most. */
export const staleMs = 10_000;

/** How much there is of what a key stands for: all; something, without what would bring it to its end; nothing. */
export type Standing = 'whole' | 'partial' | 'absent';

/** What a submission is told of its claim. */
export interface Lease {
  /** To be called right before anything is stored. Throws `redis_unavailable` where the claim may be another's by now. */
  check(): void;
  /** The submission fails, and something of it may be there all the same. */
  keep(): void;
}

export interface KeyScope {
  readonly client: Pick<Client, 'name'>;
  /** Such as `POST /v1/jobs`. */
  readonly route: string;
  readonly key: string;
}

export interface IdempotentRequest<T> extends KeyScope {
  /** Of the request, without its key. */
  readonly fingerprint: string;
  /** A new id, for what `submit` makes. */
  readonly id: string;
  readonly submit: (lease: Lease) => Promise<T>;
  readonly find: (id: string) => Promise<Standing>;
}

export type Verdict = 'replay' | 'in_progress' | 'reused' | 'take_over';

/** What a request meets at a key that is known; `standing` is asked for only where it matters. */
export async function judge(known: KnownKey, fingerprint: string, standing: () => Promise<Standing>): Promise<Verdict> {
  const same = known.fingerprint === fingerprint;
  if (known.state === 'pending' && known.ageMs < staleMs) return same ? 'in_progress' : 'reused';
  const found = await standing();
  const gone = known.state === 'done' ? found === 'absent' : found !== 'whole';
  if (gone) return 'take_over';
  return same ? 'replay' : 'reused';
}

export class Idempotency {
  constructor(
    private readonly store: Pick<IdempotencyStore, 'claim' | 'settle' | 'release' | 'knows'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Whether the key stands for something: such a request makes nothing new, however full the service is. */
  knows(scope: KeyScope): Promise<boolean> {
    return this.store.knows(hashOf(scope));
  }

  /**
   * Submits, or names what the key has made before. Throws what `submit` throws, `idempotency_in_progress` or
   * `idempotency_key_reused`.
   */
  async run<T>(request: IdempotentRequest<T>): Promise<{ readonly made: T } | { readonly replayed: string }> {
    const { fingerprint, id, find } = request;
    const hash = hashOf(request);
    let instead: string | undefined;
    // A key that changes hands again and again is in use.
    for (let round = 0; round < 3; round += 1) {
      const asked = this.now();
      const known = await this.store.claim(hash, fingerprint, id, instead);
      if (known === undefined) return { made: await this.#submit(hash, request, asked) };
      const verdict = await judge(known, fingerprint, () => find(known.id));
      if (verdict === 'replay') {
        if (known.state === 'pending') await this.store.settle(hash, known.id);
        return { replayed: known.id };
      }
      if (verdict === 'reused') throw reused();
      if (verdict === 'in_progress') throw inProgress();
      instead = known.id;
    }
    throw inProgress();
  }

  async #submit<T>(hash: string, { id, submit }: IdempotentRequest<T>, claimed: number): Promise<T> {
    const left = { behind: false };
    const lease: Lease = {
      check: () => {
        if (this.now() - claimed > staleMs / 2) throw redisUnavailable();
      },
      keep: () => {
        left.behind = true;
      },
    };
    try {
      const made = await submit(lease);
      // Where this is lost, the claim is found stale, and what it stands for whole.
      await this.store.settle(hash, id).catch(() => undefined);
      return made;
    } catch (error) {
      if (!left.behind) await this.store.release(hash, id).catch(() => undefined);
      throw error;
    }
  }
}

function inProgress(): ProblemError {
  const detail = 'A request with this Idempotency-Key is being processed. Repeat it to learn what came of it.';
  return new ProblemError('idempotency_in_progress', detail, { headers: { 'Retry-After': '1' } });
}

function reused(): ProblemError {
  const detail = 'This Idempotency-Key was used with another picture, other options, or at another address.';
  return new ProblemError('idempotency_key_reused', detail);
}

function hashOf({ client, route, key }: KeyScope): string {
  return sha256([client.name ?? '', route, key].join('\0'));
}

/**
 * The fingerprint of a request that makes a job. `source`: the SHA-256 of the picture's bytes, or its address. Options count by
 * what they say, not by how: their order does not matter, nor whether a default is written out.
 */
export function jobFingerprint(
  route: string,
  source: { readonly digest: string } | { readonly url: string },
  options: JobOptions,
  defaultModel: string | undefined,
): string {
  const events = options.webhook_events === undefined ? undefined : [...new Set(options.webhook_events)].sort();
  return fingerprintOf([
    route,
    source,
    { ...countedOptions(options, defaultModel), webhook_events: events, metadata: options.metadata ?? {} },
  ]);
}

/**
 * Options as they count in a fingerprint. What came later than fingerprints did counts only where it is used: a key that was
 * given before the service was updated still stands for the same request.
 */
export function countedOptions<T extends Pick<JobOptions, 'model' | 'explain'>>(
  options: T,
  defaultModel: string | undefined,
) {
  return { ...options, model: options.model ?? defaultModel, explain: options.explain === true ? true : undefined };
}

/** SHA-256 of `value` as JSON whose members are sorted; undefined ones do not count. */
export function fingerprintOf(value: unknown): string {
  return sha256(
    JSON.stringify(value, (_key, member: unknown) =>
      typeof member === 'object' && member !== null && !Array.isArray(member)
        ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
        : member,
    ),
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
