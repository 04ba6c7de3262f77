/**
 * Shares a fixed number of places between parties whose calls may be slow: so many deliveries, or fetches, of this process.
 * A call that hangs holds its place for as long as an attempt may take, and cannot be told from a quick one when it begins.
 *
 *   asked → taken → released               there is room
 *   asked → in line → taken                room comes within `patienceMs`, as those in the way have been quick
 *   asked → (in line →) busy → away        it does not: the order goes back to its queue
 *           away → called → asked          there is room for it, which is kept for `keptMs`; or it comes back after its delay
 *   taken → busy                           it turns out that another party is concerned, which has its share (`join`)
 *
 * Rule: a party takes a second or further place only if it then holds at most `perFree` times as many as stay free, and at most
 * `most`. An order belongs to several parties, such as its client and its host, and each must have room.
 * Invariants: never more places are held than there are. Whoever holds none finds one while any is free. One party alone has at
 * most `perFree / (perFree + 1)` of the places, three quarters for 3; n of them 3 / (3n + 1) each, and a share as large as a
 * third of one of theirs stays free for the next.
 * Those who are away are called in their order of each party; a place is kept for one that was called, so that nobody who came
 * later takes it.
 * Trade-offs: with nobody else there, a quarter of the places stays empty; a slow call is never interrupted for another. Many
 * parties who come one after another can still hold all places, until the first of their calls ends. Each process counts for
 * itself; an order that another process takes when it was called keeps a place empty for `keptMs`. Standing in line holds a
 * slot of the queue's consumer, and going back to the queue costs as much of Redis as a delivery, so only those stand in line
 * whose turn comes soon.
 */
import { ShareLedger, type Party } from './share-ledger.js';

export interface Asking {
  /** By which it is known again when it comes back. */
  readonly id: string;
  readonly parties: readonly Party[];
  /** How often its order had been started when it asked: one that was started since needs no call. */
  readonly start: number;
}

export interface Busy {
  readonly kind: 'busy';
  /** When to ask again, if nobody calls before. */
  readonly delayMs: number;
  /** To be called when the order is back in its queue, from where it can be called. */
  readonly away: () => void;
}

export interface Place {
  readonly kind: 'taken';
  /** Counts it for further parties. Where one has its share, the place is given back, and the order is to ask again. */
  readonly join: (parties: readonly Party[]) => Busy | undefined;
  /** Gives the place back, once; further calls do nothing. */
  readonly release: () => void;
}

interface Absent {
  readonly asking: Asking;
  /** When (ms) it comes back by itself. */
  readonly due: number;
  /** Whether it is where it can be called. */
  readonly callable: boolean;
}

interface Standing {
  readonly asking: Asking;
  readonly serve: () => void;
}

/** Longest time in line. */
const patienceMs = 500;
/** For how long a place is kept for an order that was called. */
const keptMs = 500;
/** Shortest time until one comes back by itself, and what each that is away adds to it: 50 of them ask in a second. */
const shortestMs = 5000;
const perAbsentMs = 20;
/** How long after its time one that has not come back is remembered. */
const forgottenMs = 5000;
/** So many are remembered; further ones come back by themselves. */
const mostAbsent = 10_000;

export class FairShares {
  readonly #ledger: ShareLedger;
  readonly #line = new Set<Standing>();
  /** Those who are away, in their order, by the party because of which they went; and that party of each. */
  readonly #absent = new Map<Party['name'], Map<Asking['id'], Absent>>();
  readonly #because = new Map<Asking['id'], Party>();
  /** Ends the keeping of a place for each that was called. */
  readonly #called = new Map<Asking['id'], () => void>();

  /** `call` brings an order back that is away. */
  constructor(
    places: number,
    private readonly call: (asking: Asking) => void,
    private readonly now: () => number = () => performance.now(),
    private readonly random: () => number = Math.random,
  ) {
    this.#ledger = new ShareLedger(places, now);
  }

  /** A place for `asking`, at once or soon; or when to ask for one again. */
  async take(asking: Asking): Promise<Place | Busy> {
    this.#called.get(asking.id)?.();
    const wanted = { ...asking, parties: [this.#ledger.everyone, ...asking.parties] };
    const inTheWay = this.#ledger.inTheWay(wanted.parties);
    if (inTheWay === undefined) return this.#begin(wanted);
    if (this.#ledger.expectedMs(inTheWay) <= patienceMs) return this.#standInLine(wanted, inTheWay);
    return this.#sendAway(wanted, inTheWay);
  }

  #begin(asking: Asking): Place {
    this.#forget(asking.id);
    const started = this.now();
    let { parties } = asking;
    let over = false;
    const release = (): void => {
      if (over) return;
      over = true;
      this.#ledger.free(parties, started);
      this.#serve();
    };
    this.#ledger.hold(parties, started);
    return {
      kind: 'taken',
      release,
      join: (more) => {
        // A name may be resolved when nobody waits for it any more.
        if (over) return undefined;
        const added = more.filter(({ name }) => parties.every((party) => party.name !== name));
        const inTheWay = this.#ledger.inTheWay(added, 0);
        parties = [...parties, ...added];
        this.#ledger.hold(added, started);
        if (inTheWay === undefined) return undefined;
        const busy = this.#sendAway({ ...asking, parties }, inTheWay);
        release();
        return busy;
      },
    };
  }

  #standInLine(asking: Asking, because: Party): Promise<Place | Busy> {
    return new Promise((resolve) => {
      const leave = (turn: () => Place | Busy): void => {
        clearTimeout(timer);
        this.#line.delete(standing);
        this.#ledger.stand(because, -1);
        resolve(turn());
      };
      const serve = (): void => {
        leave(() => this.#begin(asking));
      };
      const timer = setTimeout(() => {
        leave(() => this.#sendAway(asking, this.#ledger.inTheWay(asking.parties) ?? because));
      }, patienceMs);
      const standing: Standing = { asking, serve };
      this.#line.add(standing);
      this.#ledger.stand(because, 1);
    });
  }

  #sendAway(asking: Asking, because: Party): Busy {
    const known = this.#because.has(asking.id);
    const longMs = Math.max(shortestMs, this.#because.size * perAbsentMs);
    const delayMs = Math.round(longMs * (1 + this.random() / 2));
    const due = this.now() + delayMs;
    if (known || this.#because.size < mostAbsent) this.#note({ asking, due, callable: false }, because);
    return {
      kind: 'busy',
      delayMs,
      away: () => {
        const party = this.#because.get(asking.id);
        if (party === undefined || this.#absent.get(party.name)?.get(asking.id)?.due !== due) return;
        this.#note({ asking, due, callable: true }, party);
        this.#serve();
      },
    };
  }

  /** One that is away because of the same party again keeps its place in the order. */
  #note(absent: Absent, because: Party): void {
    const { id } = absent.asking;
    if (this.#because.get(id)?.name !== because.name) this.#forget(id);
    this.#because.set(id, because);
    const those = this.#absent.get(because.name) ?? new Map<Asking['id'], Absent>();
    this.#absent.set(because.name, those.set(id, absent));
  }

  #forget(id: string): void {
    const { name = '' } = this.#because.get(id) ?? {};
    this.#because.delete(id);
    const those = this.#absent.get(name);
    those?.delete(id);
    if (those?.size === 0) this.#absent.delete(name);
  }

  /** Gives what is free to those in line, then calls those who are away. */
  #serve(): void {
    for (const { asking, serve } of this.#line) {
      if (this.#ledger.inTheWay(asking.parties) === undefined) serve();
    }
    for (const [name, those] of this.#absent) this.#callFrom(name, those);
  }

  /** Calls those who are away because of the party `name`, in their order, as long as there is room. */
  #callFrom(name: string, those: ReadonlyMap<string, Absent>): void {
    for (const [id, absent] of those) {
      if (this.#ledger.inTheWay([this.#ledger.everyone]) !== undefined) return;
      if (absent.due + forgottenMs < this.now()) this.#forget(id);
      else if (absent.callable) {
        const inTheWay = this.#ledger.inTheWay(absent.asking.parties);
        if (inTheWay?.name === name) return;
        // Where another party is in its way now, those behind it may have room.
        if (inTheWay !== undefined) this.#note(absent, inTheWay);
        else this.#bringBack(id, absent);
      }
    }
  }

  #bringBack(id: string, { asking, due }: Absent): void {
    this.#note({ asking, due, callable: false }, this.#because.get(id) ?? this.#ledger.everyone);
    this.#ledger.keep(asking.parties, 1);
    const forgo = (): void => {
      clearTimeout(timer);
      this.#called.delete(id);
      this.#ledger.keep(asking.parties, -1);
    };
    const timer = setTimeout(() => {
      forgo();
      this.#serve();
    }, keptMs);
    this.#called.set(id, forgo);
    this.call(asking);
  }
}
