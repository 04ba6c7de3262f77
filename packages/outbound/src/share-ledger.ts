/**
 * Who holds how many of a fixed number of places, and whether a party may take another (the rule is in fair-shares.ts).
 * Invariant: a party is known only while it has something here, so their number is bounded by that of the orders.
 */
export interface Party {
  readonly name: string;
  /** How many places it may hold for each that stays free. */
  readonly perFree: number;
  /** How many it may hold in any case. */
  readonly most?: number;
}

interface Tally {
  held: number;
  /** Places that are kept for orders of this party that were called. */
  kept: number;
  /** Sum of the times (ms) at which those that are held were taken. */
  begun: number;
  /** How long a place was held, a moving average in ms. */
  meanMs: number;
  /** How many stand in line because of this party. */
  standing: number;
}

/** What a call is taken to last until one has ended, or been under way for longer. */
const firstGuessMs = 20;

export class ShareLedger {
  /** To which all belong: it may hold all places. */
  readonly everyone: Party;
  readonly #tallies = new Map<string, Tally>();

  constructor(
    private readonly places: number,
    private readonly now: () => number,
  ) {
    this.everyone = { name: '', perFree: Infinity, most: places };
  }

  /** The first of `parties` that has its share already; `more` places would be taken of all. */
  inTheWay(parties: readonly Party[], more = 1): Party | undefined {
    const left = this.places - this.#spoken(this.everyone) - more;
    return parties.find((party) => {
      const then = this.#spoken(party) + 1;
      return then > (party.most ?? this.places) || (then > 1 && then > party.perFree * left);
    });
  }

  /** Counts a place that is held since `started`. */
  hold(parties: readonly Party[], started: number): void {
    this.#change(parties, (tally) => {
      tally.held++;
      tally.begun += started;
    });
  }

  free(parties: readonly Party[], started: number): void {
    this.#change(parties, (tally) => {
      tally.held--;
      tally.begun -= started;
      tally.meanMs += (this.now() - started - tally.meanMs) / 8;
    });
  }

  /** Counts a place that is kept for one that was called (1), or is no longer (-1). */
  keep(parties: readonly Party[], change: 1 | -1): void {
    this.#change(parties, (tally) => (tally.kept += change));
  }

  /** Counts one that stands in line (1), or no longer does (-1). */
  stand(because: Party, change: 1 | -1): void {
    this.#change([because], (tally) => (tally.standing += change));
  }

  /** Milliseconds until one more has had a place: they come in turns of as many as are held, each as long as calls have taken. */
  expectedMs({ name }: Party): number {
    const { held, begun, meanMs, standing } = this.#tallies.get(name) ?? nothing();
    const soFar = held === 0 ? 0 : this.now() - begun / held;
    return ((standing + 1) / Math.max(1, held)) * Math.max(meanMs, soFar);
  }

  #spoken({ name }: Party): number {
    const tally = this.#tallies.get(name);
    return tally === undefined ? 0 : tally.held + tally.kept;
  }

  #change(parties: readonly Party[], change: (tally: Tally) => void): void {
    for (const { name } of parties) {
      const tally = this.#tallies.get(name) ?? nothing();
      change(tally);
      if (tally.held + tally.kept + tally.standing > 0) this.#tallies.set(name, tally);
      else this.#tallies.delete(name);
    }
  }
}

function nothing(): Tally {
  return { held: 0, kept: 0, begun: 0, meanMs: firstGuessMs, standing: 0 };
}
