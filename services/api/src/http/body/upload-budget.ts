/**
 * Bounds the memory of all uploads together: each takes its length from the budget before any of it is read, one of unknown
 * length the most it may have, and gives it back when its job is stored. Past that, 503 at once is better than a process
 * that is killed with everything it holds.
 *
 * One client gets at most half of it: who opens many uploads and sends them slowly must not keep everybody else out.
 */
import { ProblemError } from '@quintet/shared';

/** Bytes that are made of a JSON body of `length`: pictures of base64, or numbers, and never more than an upload may have. */
export function madeOfJson(length: number, maxUploadBytes: number): number {
  // The shortest number has two characters with its comma, and becomes four bytes.
  return Math.min(2 * length, maxUploadBytes);
}

export class UploadBudget {
  #left: number;
  readonly #share: number;
  readonly #taken = new Map<string, number>();

  constructor(bytes: number) {
    this.#left = bytes;
    this.#share = bytes / 2;
  }

  /** Takes `amount` bytes, and returns what gives them back; `client` tells whose they are. Throws `uploads_busy`. */
  take(amount: number, client: string): () => void {
    // A sum of fractions would not come back to what it was.
    const bytes = Math.ceil(amount);
    const own = this.#taken.get(client) ?? 0;
    // The first is always possible: no upload may be larger than what is left for everybody.
    if (bytes > this.#left || (own > 0 && own + bytes > this.#share)) {
      throw new ProblemError('uploads_busy', 'Too many uploads are under way. Try again shortly.', {
        headers: { 'Retry-After': '1' },
      });
    }
    this.#left -= bytes;
    this.#taken.set(client, own + bytes);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#left += bytes;
      const left = (this.#taken.get(client) ?? 0) - bytes;
      if (left > 0) this.#taken.set(client, left);
      else this.#taken.delete(client);
    };
  }
}
