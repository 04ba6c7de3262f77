import { setImmediate } from 'node:timers/promises';
import { decodeTimeout } from '../decode-error.js';

/** How long a decoder in JavaScript may hold its thread, which has other pictures under way. */
const SLICE_MS = 8;

/** Lets others have their turn, and ends work that has taken too long. */
export class Pace {
  readonly #end: number;
  #sliceEnd: number;

  constructor(timeoutMs: number) {
    const now = performance.now();
    this.#end = now + timeoutMs;
    this.#sliceEnd = now + SLICE_MS;
  }

  /** To be called between small pieces of work. Throws `image_decode_timeout`. */
  async step(): Promise<void> {
    if (performance.now() < this.#sliceEnd) return;
    await setImmediate();
    const now = performance.now();
    if (now > this.#end) throw decodeTimeout();
    this.#sliceEnd = now + SLICE_MS;
  }
}
