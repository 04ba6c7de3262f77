/**
 * How much memory may be used for decoding at once. A picture of 40 megabytes takes 120 MB and more when it is decoded,
 * whatever its file weighs; a dozen of them together would end the process, where one after the other does no harm.
 *
 * States of a piece of work: waiting → running → done, or waiting → turned away after `longestWaitMs`. It runs when its bytes fit
 * beside those that run. Work is served in the order of arrival, so small pictures never pass a large one. What alone exceeds
 * the budget runs alone.
 * Invariants: the bytes of what runs never exceed the budget, unless a single piece does. Something runs while anything waits.
 * Nothing waits for longer than `longestWaitMs`.
 * Bytes are counted as whole numbers: a sum of fractions does not come back to zero, and a large picture that waited for zero
 * stopped its worker for good.
 */
import { stops } from '../errors.js';

export class DecodeBudget {
  /** Pieces of work. */
  #running = 0;
  #bytes = 0;
  readonly #waiting: Waiting[] = [];

  /** `limit` in bytes. */
  constructor(
    private readonly limit: number,
    private readonly longestWaitMs: number,
  ) {}

  /** Runs `work` when `bytes` fit, and settles as it does. Rejects with OrderStopped where they did not fit in time. */
  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const whole = Math.ceil(bytes);
    if (!(whole >= 0 && whole < Infinity)) throw new RangeError(`a picture cannot take ${bytes} bytes`);
    await this.#turn(whole);
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#bytes -= whole;
      this.#startWaiting();
    }
  }

  #turn(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(stops.noMemory());
        // It may have been the first, for which others waited.
        this.#startWaiting();
      }, this.longestWaitMs);
      const start = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const waiting: Waiting = { bytes, start };
      this.#waiting.push(waiting);
      this.#startWaiting();
    });
  }

  #startWaiting(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || (this.#running > 0 && this.#bytes + next.bytes > this.limit)) return;
      this.#waiting.shift();
      this.#running += 1;
      this.#bytes += next.bytes;
      next.start();
    }
  }
}

interface Waiting {
  readonly bytes: number;
  readonly start: () => void;
}
