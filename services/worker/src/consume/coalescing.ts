/**
 * One inference for all jobs that are under way with the same picture: the first computes, the others wait for its answer.
 *
 * Every job asks under the name of its answer (store/result-cache.ts). For each name, in this process:
 *
 *   free → asked → answered                 the answer is kept already
 *          asked → leading → answered       this job computed it
 *                            free           it failed, was handed back, or its worker stops: the next one asks
 *          asked → watching → answered      a job of another process computes it; we look every `pollMs`
 *                             leading       that job failed, or its process died and its claim has run out
 *                             free          our own deadline passed: the next one asks
 * One job of a process asks and watches; the others of that process wait for it, so that any number of equal pictures costs one
 * question at a time. Who waits holds no crop slot and no image in a decoder.
 * Invariants: who waits for a job never shares its end: where no answer comes of it, the next one asks for itself. A name is
 * in the map only while a job stands for it, and whoever is given a place leaves it.
 * Trade-off: who waits holds one of the worker's places for jobs meanwhile; the claim is short so that this is short.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  claimRenewalMs,
  resultName,
  selectAnswer,
  sha256Hex,
  sharedTopK,
  type Answer,
  type ClassifyOrder,
  type ModelRef,
  type ResultCache,
  type SharedAnswer,
  type SharingTerms,
} from '@quintet/shared';
import { stops } from '../errors.js';

export const pollMs = 25;

interface Lead {
  /** Is owed, once. With an answer: it is kept already, and answers all who wait. Without: the next one asks. */
  leave(answer?: Answer): void;
}

export type Turn = Answer | { readonly lead: Lead };

interface Place {
  readonly answer: Promise<Answer | undefined>;
  readonly resolve: (answer: Answer | undefined) => void;
  /** Whose claim is to be renewed. */
  leader: string | undefined;
  /** A renewal waits for Redis; more would only pile up while it is away. */
  renewing: boolean;
}

interface CoalescingOptions {
  readonly cache: ResultCache;
  readonly onError: (error: unknown) => void;
}

export class Coalescing {
  readonly #places = new Map<string, Place>();
  /** What ends each wait early. */
  readonly #waits = new Set<() => void>();
  #abandoned = false;
  #renewal: NodeJS.Timeout | undefined;

  constructor(private readonly options: CoalescingOptions) {}

  /** Names that a job of this process stands for. */
  get size(): number {
    return this.#places.size;
  }

  /**
   * The answer called `name` for the job `id`, once there is one, or the lead to compute it. Rejects with
   * OrderStopped where neither came within `withinMs` or this worker stops, or as Redis does.
   */
  async enter(name: string, id: string, withinMs = Infinity): Promise<Turn> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const place = this.#places.get(name);
      if (place === undefined) return this.#ask(name, id, deadline);
      const answer = await this.#within(place.answer, deadline);
      if (answer !== undefined) return answer;
    }
  }

  /** Rejects whoever waits, now and from now on; who leads goes on. */
  abandon(): void {
    this.#abandoned = true;
    for (const end of [...this.#waits]) end();
  }

  async #ask(name: string, id: string, deadline: number): Promise<Turn> {
    const place = this.#open(name);
    try {
      for (;;) {
        const reply = await this.options.cache.ask(name, id);
        if (reply === 'claimed') return { lead: this.#lead(name, id, place) };
        if (reply !== 'held') {
          this.#close(name, place, reply);
          return reply;
        }
        await this.#within(delay(pollMs, undefined, { ref: false }), deadline);
      }
    } catch (error) {
      this.#close(name, place, undefined);
      throw error;
    }
  }

  #lead(name: string, id: string, place: Place): Lead {
    place.leader = id;
    this.#renewal ??= setInterval(() => {
      this.#renew();
    }, claimRenewalMs).unref();
    let left = false;
    return {
      leave: (answer) => {
        if (left) return;
        left = true;
        // Sent before the next one asks, over the same connection.
        if (answer === undefined) this.options.cache.release(name, id).catch(this.options.onError);
        this.#close(name, place, answer);
      },
    };
  }

  #open(name: string): Place {
    let resolve: Place['resolve'] = () => undefined;
    const answer = new Promise<Answer | undefined>((settle) => {
      resolve = settle;
    });
    const place: Place = { answer, resolve, leader: undefined, renewing: false };
    this.#places.set(name, place);
    return place;
  }

  #close(name: string, place: Place, answer: Answer | undefined): void {
    this.#places.delete(name);
    place.resolve(answer);
    if (this.#places.size > 0) return;
    clearInterval(this.#renewal);
    this.#renewal = undefined;
  }

  #renew(): void {
    for (const [name, place] of this.#places) {
      if (place.leader === undefined || place.renewing) continue;
      place.renewing = true;
      this.options.cache
        .renew(name, place.leader)
        .catch(this.options.onError)
        .finally(() => {
          place.renewing = false;
        });
    }
  }

  /** As `work`, or as the deadline or the end of this worker where that comes first. */
  async #within<T>(work: Promise<T>, deadline: number): Promise<T> {
    if (this.#abandoned) throw stops.abandoned();
    let timer: NodeJS.Timeout | undefined;
    let abandon = (): void => undefined;
    const stopped = new Promise<never>((_resolve, reject) => {
      abandon = () => {
        reject(stops.abandoned());
      };
      const late = (): void => {
        reject(stops.late());
      };
      if (deadline !== Infinity) timer = setTimeout(late, Math.max(0, deadline - performance.now()));
    });
    this.#waits.add(abandon);
    try {
      return await Promise.race([work, stopped]);
    } finally {
      clearTimeout(timer);
      this.#waits.delete(abandon);
    }
  }
}

export interface Sharing {
  readonly coalescing: Coalescing;
  /** How long an answer is kept for others. */
  readonly ttlSeconds: number;
}

/** What an order asked for. */
export type OwnAnswer = ReturnType<typeof selectAnswer>;

/**
 * What one order has to do with others of the same picture: it asks for their answer, and leaves its own to them.
 *
 * An order that wants an explanation asks for explained answers, and leaves one.
 * An order without sharing terms, and every order of a worker that shares nothing, asks nobody and keeps nothing; a `fresh`
 * one asks nobody. Whoever made this calls `leave` at the order's end, however that comes.
 */
export class OrderSharing {
  readonly #terms: SharingTerms | undefined;
  #name: string | undefined;
  #lead: Lead | undefined;

  constructor(
    private readonly order: ClassifyOrder,
    private readonly model: ModelRef,
    private readonly sharing: Sharing | undefined,
  ) {
    this.#terms = sharing === undefined ? undefined : order.sharing;
    const { scope = '', digest } = this.#terms ?? {};
    this.#name = digest === undefined ? undefined : this.#nameOf(scope, digest);
  }

  /**
   * The answer of another order, cut to what this one asked for; undefined where this one has to compute it. The question
   * leaves with this turn's other commands. Rejects as Coalescing.enter does.
   */
  async ask(withinMs: number | undefined): Promise<OwnAnswer | undefined> {
    if (this.#name === undefined || this.sharing === undefined || this.#terms?.fresh === true) return undefined;
    const turn = await this.sharing.coalescing.enter(this.#name, this.order.id, withinMs);
    if ('predictions' in turn) return this.#select(turn);
    this.#lead = turn.lead;
    return undefined;
  }

  /** The same for an order whose digest only the bytes tell; where the order told it, it has asked before. */
  async askFor(image: Buffer, withinMs: number | undefined): Promise<OwnAnswer | undefined> {
    if (this.#terms === undefined || this.#terms.digest !== undefined) return undefined;
    this.#name = this.#nameOf(this.#terms.scope, await sha256Hex(image));
    return this.ask(withinMs);
  }

  /** What is to be asked of the model: more than this order wants, where others may want it. */
  get request(): { readonly topK: number; readonly minScore: number } {
    if (this.#name !== undefined) return { topK: sharedTopK, minScore: 0 };
    return { topK: this.order.top_k, minScore: this.order.min_score ?? 0 };
  }

  /** Of what the model said to `request`: this order's part, and what JobStore.finish keeps for others. */
  divide(answer: Answer): { readonly own: OwnAnswer; readonly shared: SharedAnswer | undefined } {
    const own = this.#select(answer);
    if (this.#name === undefined || this.sharing === undefined) return { own, shared: undefined };
    return { own, shared: { ...answer, name: this.#name, ttlSeconds: this.sharing.ttlSeconds } };
  }

  /** Lets go. `kept`: the answer, once it is kept for others; without it, the next of those who wait asks for itself. */
  leave(kept?: Answer): void {
    this.#lead?.leave(kept);
    this.#lead = undefined;
  }

  #nameOf(scope: string, digest: string): string | undefined {
    return resultName(scope, this.model, digest, this.order.explain === true);
  }

  #select(answer: Answer): OwnAnswer {
    return selectAnswer(answer, this.order.top_k, this.order.min_score);
  }
}
