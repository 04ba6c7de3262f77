/**
 * Fairness between receivers: how many deliveries of this process may be under way to one host at once.
 *
 *   free → taken → released        a slot of a host; a delivery that finds none is told when to ask again
 *
 * One receiver that hangs would otherwise hold every slot of the process for as long as an attempt may take, and delay
 * everybody else's deliveries.
 * Invariants: no host has more than `limit` under way. Asking again costs Redis a bounded rate, about as many questions a
 * second as the host has free slots or 200, however many wait.
 * Trade-offs: each process counts for itself, so a host sees up to `limit` times the processes. Those that wait are not
 * served in their order.
 */
export interface TakenSlot {
  readonly kind: 'taken';
  /** To be called once, when the attempt has ended. */
  readonly release: () => void;
}

export type Slot = TakenSlot | { readonly kind: 'busy'; readonly delayMs: number };

interface Host {
  active: number;
  /** Deliveries that found no slot, and when (ms) they were told to ask again. Those that asked elsewhere run out. */
  readonly waiting: Map<string, number>;
  /** Of the last attempts, a moving average in ms. */
  meanMs: number;
}

const shortestMs = 250;
const longestMs = 5000;
/** What each that waits adds to the longest delay. */
const perWaitingMs = 5;
/** How long after its time one that has not asked again is still counted. */
const forgottenMs = 5000;

export class HostSlots {
  readonly #hosts = new Map<string, Host>();

  constructor(
    private readonly limit: number,
    private readonly now: () => number = () => performance.now(),
    private readonly random: () => number = Math.random,
  ) {}

  /** A slot of `host` for the delivery `id`, or after how many milliseconds to ask for one again. */
  take(host: string, id: string): Slot {
    const entry = this.#hosts.get(host) ?? { active: 0, waiting: new Map<string, number>(), meanMs: shortestMs };
    this.#hosts.set(host, entry);
    entry.waiting.delete(id);
    if (entry.active >= this.limit) return { kind: 'busy', delayMs: this.#wait(entry, id) };
    entry.active++;
    const started = this.now();
    return {
      kind: 'taken',
      release: () => {
        entry.active--;
        entry.meanMs += (this.now() - started - entry.meanMs) / 8;
        // Whoever still waits finds every slot free, and needs no estimate.
        if (entry.active === 0) this.#hosts.delete(host);
      },
    };
  }

  /** When there may be a slot: those that wait come in turns of `limit`, each as long as attempts have taken. */
  #wait(entry: Host, id: string): number {
    const now = this.now();
    for (const [other, due] of entry.waiting) {
      if (due + forgottenMs > now) break;
      entry.waiting.delete(other);
    }
    const waiting = entry.waiting.size + 1;
    const expected = (waiting / this.limit) * entry.meanMs;
    const most = Math.max(longestMs, waiting * perWaitingMs);
    const delayMs = Math.round(Math.min(Math.max(expected, shortestMs), most) * (1 + this.random() / 2));
    entry.waiting.set(id, now + delayMs);
    return delayMs;
  }
}
