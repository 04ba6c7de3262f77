/**
 * Bounds the memory of all uploads together: each takes its length from the budget before any of it is read, one of unknown
 * length the most it may have, and gives it back when its job is stored. Past that, 503 at once is better than a process
 * that is killed with everything it holds.
 */
import { ProblemError } from '@quintet/shared';

export class UploadBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Returns what gives the bytes back. Throws `uploads_busy`. */
  take(bytes: number): () => void {
    if (bytes > this.#left) {
      throw new ProblemError('uploads_busy', 'Too many uploads are under way. Try again shortly.', {
        headers: { 'Retry-After': '1' },
      });
    }
    this.#left -= bytes;
    let taken = bytes;
    return () => {
      this.#left += taken;
      taken = 0;
    };
  }
}
