/**
 * How much may be decoded at once. A picture of 40 megapixels takes 120 MB when it is decoded, whatever its file weighs;
 * a dozen of them together would end the process, where one after the other does no harm.
 *
 * States of a piece of work: waiting → running → done. It runs when its pixels fit beside those that run; who waits is
 * served in the order of arrival, so that a large picture is not passed for ever by small ones. What alone exceeds the
 * budget runs alone.
 * Invariant: the pixels of what runs never exceed the budget, unless a single one does.
 */
export class PixelBudget {
  #running = 0;
  readonly #waiting: { readonly pixels: number; readonly start: () => void }[] = [];

  constructor(private readonly limit: number) {}

  /** Runs `work` when `pixels` fit, and settles as it does. */
  async run<T>(pixels: number, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((start) => {
      this.#waiting.push({ pixels, start });
      this.#startWaiting();
    });
    try {
      return await work();
    } finally {
      this.#running -= pixels;
      this.#startWaiting();
    }
  }

  #startWaiting(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || (this.#running > 0 && this.#running + next.pixels > this.limit)) return;
      this.#waiting.shift();
      this.#running += next.pixels;
      next.start();
    }
  }
}
