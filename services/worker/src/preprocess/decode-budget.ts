/**
 * How much memory may be used for decoding at once. A picture of 40 megabytes takes 120 MB and more when it is decoded,
 * whatever its file weighs; a dozen of them together would end the process, where one after the other does no harm.
 *
 * States of a piece of work: waiting → running → done. It runs when its bytes fit beside those that run; who waits is
 * served in the order of arrival, so that a large picture is not passed for ever by small ones. What alone exceeds the
 * budget runs alone.
 * Invariant: the bytes of what runs never exceed the budget, unless a single one does.
 */
export class DecodeBudget {
  #running = 0;
  readonly #waiting: { readonly bytes: number; readonly start: () => void }[] = [];

  constructor(private readonly limit: number) {}

  /** Runs `work` when `bytes` fit, and settles as it does. */
  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((start) => {
      this.#waiting.push({ bytes, start });
      this.#startWaiting();
    });
    try {
      return await work();
    } finally {
      this.#running -= bytes;
      this.#startWaiting();
    }
  }

  #startWaiting(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || (this.#running > 0 && this.#running + next.bytes > this.limit)) return;
      this.#waiting.shift();
      this.#running += next.bytes;
      next.start();
    }
  }
}
