/**
 * What one order has to do with others of the same picture: it asks for their answer, and leaves its own to them.
 *
 * An order that wants an explanation asks for explained answers, and leaves one.
 * An order without sharing terms, and every order of a worker that shares nothing, asks nobody and keeps nothing; a `fresh`
 * one asks nobody. Whoever made this calls `leave` at the order's end, however that comes.
 */
import {
  resultName,
  selectAnswer,
  sha256Hex,
  sharedTopK,
  type Answer,
  type ClassifyOrder,
  type ModelRef,
  type SharedAnswer,
  type SharingTerms,
} from '@quintet/shared';
import type { Coalescing, Lead } from './coalescing.js';

export interface Sharing {
  readonly coalescing: Pick<Coalescing, 'enter'>;
  /** How long an answer is kept for others. */
  readonly ttlSeconds: number;
}

/** What an order asked for. */
export type OwnAnswer = ReturnType<typeof selectAnswer>;

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
