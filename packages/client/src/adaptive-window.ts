/**
 * How many pictures to have under way at once: enough that the service is never idle, and no more than it takes.
 *
 * It begins at what the live workers hold (their streams times their batches) eight times over: three that the worker has in hand, and
 * as many again on their way there and back, which take their turns on busy cores; with four times, a twentieth was lost
 * (bench/client.mjs). A refusal (429, 503) halves it, at most once a second as one full
 * queue refuses many; each success gives back a part of a place, so that a window of n grows by one in n successes, up to where
 * it began: additive increase, multiplicative decrease, as TCP has it, with which many clients come to share evenly.
 */
import type { Window } from './concurrently.js';
import type { ModelList } from './types.js';

const least = 8;
const most = 256;
const perPlace = 8;
const refusalMs = 1000;

export class AdaptiveWindow implements Window {
  #places: number;
  #ceiling: number;
  #shrunkAt = -Infinity;

  constructor(
    ceiling: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#ceiling = ceiling;
    this.#places = ceiling;
  }

  get size(): number {
    return Math.max(1, Math.floor(this.#places));
  }

  /** Workers have come or gone. */
  resize(ceiling: number): void {
    if (ceiling > this.#ceiling && this.#places >= this.#ceiling) this.#places = ceiling;
    this.#ceiling = ceiling;
    this.#places = Math.min(this.#places, ceiling);
  }

  succeeded(): void {
    this.#places = Math.min(this.#ceiling, this.#places + 1 / this.#places);
  }

  refused(): void {
    const now = this.now();
    if (now - this.#shrunkAt < refusalMs) return;
    this.#shrunkAt = now;
    this.#places = Math.max(1, this.#places / 2);
  }
}

/** What keeps the workers of `model` (the default where none is named) busy. */
export function saturatingConcurrency({ models, default: standard }: ModelList, model = standard): number {
  const workers = models.find(({ name }) => name === model)?.workers ?? [];
  const places = workers.reduce((sum, { streams, max_batch_size }) => sum + streams * max_batch_size, 0);
  return Math.min(most, Math.max(least, places * perPlace));
}
