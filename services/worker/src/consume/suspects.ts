/**
 * Orders whose worker died while it held them. One of them may have killed it; the others were only there.
 *
 *   taken for the first time    runs beside others. Its worker dies → suspect, and so is all else that the worker held
 *   suspect                     waits for its turn: a worker runs one suspect at a time, and first notes in Redis that it does
 *   → ended, or to be retried   the note is taken back: it kills nobody
 *   → its worker dies           the note stays; after `mostDeaths` such runs the job ends as worker_lost
 * Invariant: only the order that was running is blamed for a death. BullMQ's own count blames every order that the dead
 * process held, so a picture that crashes its worker again and again would take its neighbours with it.
 * Trade-off: after a worker's death the few orders that it held are run one by one, and cost a round trip more.
 */
import type { JobStore } from '@quintet/shared';

/** Beside the one that made it a suspect. */
export const mostDeaths = 2;

export class Suspects {
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly store: Pick<JobStore, 'beginSuspect' | 'clearSuspect'>) {}

  /** Runs `work` when it is the turn of the order `id`; resolves to 'guilty', without running it, where it has killed too many. */
  async run<T>(id: string, work: () => Promise<T>): Promise<T | 'guilty'> {
    const before = this.#last;
    let done = (): void => undefined;
    this.#last = new Promise((resolve) => {
      done = resolve;
    });
    try {
      await before;
      if ((await this.store.beginSuspect(id)) > mostDeaths) return 'guilty';
      try {
        return await work();
      } finally {
        await this.store.clearSuspect(id);
      }
    } finally {
      done();
    }
  }
}
