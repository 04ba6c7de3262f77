/**
 * Fairness between receivers: how many deliveries of this process may be under way to one host at once.
 *
 *   asked → taken → released           a slot is free
 *   asked → in line → taken            the host answers so quickly that its turn comes within `patienceMs`
 *   asked → (in line →) busy           it does not: the delivery goes back to the queue, and is told when to ask again
 *
 * One receiver that hangs would otherwise hold every slot of the process for as long as an attempt may take, and delay
 * everybody else's deliveries. Standing in line holds a slot of the process too, so only those stand who will not for long.
 * Going back to the queue costs as much of Redis as a delivery, so a quick receiver's backlog must not.
 * Invariants: no host has more than `limit` under way. Those that are away ask again about as often as slots become free,
 * or 50 times a second, however many they are.
 * Trade-offs: each process counts for itself, so a host sees up to `limit` times the processes. Those that are away are not
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
  /** Sum of the times (ms) at which those under way began. */
  begun: number;
  /** Of the last attempts, a moving average in ms. */
  meanMs: number;
  /** Those in line, by what gives them a slot. */
  readonly line: Set<() => void>;
  /** Those that are away, and when (ms) they were told to ask again. Those that asked elsewhere run out. */
  readonly away: Map<string, number>;
}

/** Longest time in line. */
const patienceMs = 500;
/** What an attempt is taken to last until one has ended, or been under way for longer. */
const firstGuessMs = 20;
const shortestMs = 1000;
const longestMs = 5000;
/** What each that is away adds to the longest delay. */
const perAwayMs = 20;
/** How long after its time one that has not asked again is still counted. */
const forgottenMs = 5000;

export class HostSlots {
  readonly #hosts = new Map<string, Host>();

  constructor(
    private readonly limit: number,
    private readonly now: () => number = () => performance.now(),
    private readonly random: () => number = Math.random,
  ) {}

  /** A slot of `host` for the delivery `id`, at once or soon; or after how many milliseconds to ask for one again. */
  take(host: string, id: string): Promise<Slot> {
    let entry = this.#hosts.get(host);
    if (entry === undefined) {
      entry = { active: 0, begun: 0, meanMs: firstGuessMs, line: new Set(), away: new Map() };
      this.#hosts.set(host, entry);
    }
    entry.away.delete(id);
    if (entry.active < this.limit) return Promise.resolve(this.#begin(host, entry));
    if (this.#expected(entry, entry.line.size + 1) > patienceMs) return Promise.resolve(this.#sendAway(entry, id));
    return this.#standInLine(host, entry, id);
  }

  #begin(host: string, entry: Host): TakenSlot {
    const started = this.now();
    entry.active++;
    entry.begun += started;
    return {
      kind: 'taken',
      release: () => {
        entry.active--;
        entry.begun -= started;
        entry.meanMs += (this.now() - started - entry.meanMs) / 8;
        const [next] = entry.line;
        if (next !== undefined) next();
        // Whoever is away finds every slot free, and needs no estimate.
        else if (entry.active === 0) this.#hosts.delete(host);
      },
    };
  }

  #standInLine(host: string, entry: Host, id: string): Promise<Slot> {
    return new Promise((resolve) => {
      const serve = (): void => {
        clearTimeout(timer);
        entry.line.delete(serve);
        resolve(this.#begin(host, entry));
      };
      const timer = setTimeout(() => {
        entry.line.delete(serve);
        resolve(this.#sendAway(entry, id));
      }, patienceMs);
      entry.line.add(serve);
    });
  }

  /** Milliseconds until `count` have had a slot: they come in turns of `limit`, each as long as attempts have taken. */
  #expected(entry: Host, count: number): number {
    const soFar = this.now() - entry.begun / entry.active;
    return (count / this.limit) * Math.max(entry.meanMs, soFar);
  }

  #sendAway(entry: Host, id: string): Slot {
    const now = this.now();
    for (const [other, due] of entry.away) {
      if (due + forgottenMs > now) break;
      entry.away.delete(other);
    }
    const away = entry.away.size + 1;
    const most = Math.max(longestMs, away * perAwayMs);
    const expected = this.#expected(entry, entry.line.size + away);
    const delayMs = Math.round(Math.min(Math.max(expected, shortestMs), most) * (1 + this.random() / 2));
    entry.away.set(id, now + delayMs);
    return { kind: 'busy', delayMs };
  }
}
