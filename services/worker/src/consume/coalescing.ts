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
import { claimRenewalMs, type Answer, type ResultCache } from '@quintet/shared';
import { AbandonedError, DeadlineError } from '../batching/micro-batcher.js';

export const pollMs = 25;

export interface Lead {
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

export interface CoalescingOptions {
  readonly cache: Pick<ResultCache, 'ask' | 'renew' | 'release'>;
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
   * The answer called `name` for the job `id`, once there is one, or the lead to compute it. Rejects with DeadlineError where
   * neither came within `withinMs`, with AbandonedError, or as Redis does.
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
  #within<T>(work: Promise<T>, deadline: number): Promise<T> {
    if (this.#abandoned) return Promise.reject(new AbandonedError());
    return new Promise<T>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        this.#waits.delete(abandon);
        how();
      };
      const fail = (error: Error): void => {
        settle(() => {
          reject(error);
        });
      };
      const abandon = (): void => {
        fail(new AbandonedError());
      };
      this.#waits.add(abandon);
      if (deadline !== Infinity) {
        const late = (): void => {
          fail(new DeadlineError());
        };
        timer = setTimeout(late, Math.max(0, deadline - performance.now()));
      }
      work.then((value) => {
        settle(() => {
          resolve(value);
        });
      }, fail);
    });
  }
}
