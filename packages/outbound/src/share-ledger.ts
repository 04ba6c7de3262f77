/**
 * Who shares the places of this process with others when a client's address is called, and who holds how many of them (the
 * rule is in fair-shares.ts): the client, the host, and what one party could make many hosts of.
 * Invariant: a party is known only while it has something here, so their number is bounded by that of the orders.
 */
import { isIPv4, isIPv6 } from 'node:net';

export interface Party {
  readonly name: string;
  /** How many places it may hold for each that stays free. */
  readonly perFree: number;
  /** How many it may hold in any case. */
  readonly most?: number;
}

/** A host has less than a group of hosts, so that a slow one leaves something to its neighbours. */
const hostPerFree = 2;
const groupPerFree = 3;

/**
 * Those who count for a call of `url` by `client`, undefined where clients have no names. Of a host, ports do not count: whoever
 * has one has 65,535. Names count together by their last two labels, as all below those may be one party's. `mostOfHost`: the
 * places that a host may hold at most.
 */
export function partiesOf(client: string | undefined, url: URL, mostOfHost?: number): Party[] {
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const network = networkOf(host);
  const most = mostOfHost === undefined ? {} : { most: mostOfHost };
  const parties: Party[] = [{ name: `host ${network ?? host}`, perFree: hostPerFree, ...most }];
  if (client !== undefined) parties.push({ name: `client ${client}`, perFree: groupPerFree });
  if (network !== undefined) parties.push(...addressParties([host]));
  else if (host.includes('.')) {
    parties.push({ name: `domain ${host.split('.').slice(-2).join('.')}`, perFree: groupPerFree });
  }
  return parties;
}

/** Those who count once a name is resolved: many names may be one machine's. */
export function addressParties(addresses: readonly string[]): Party[] {
  const networks = new Set(addresses.map((address) => networkOf(address) ?? address));
  return [...networks].map((network) => ({ name: `address ${network}`, perFree: groupPerFree }));
}

/** An IPv4 address as it is; of IPv6 the first 64 bits, as whoever has an address has all that begin with them. */
function networkOf(host: string): string | undefined {
  if (isIPv4(host)) return host;
  if (!isIPv6(host)) return undefined;
  // The WHATWG parser writes every notation of an address in the one canonical form.
  const canonical = new URL(`http://[${host.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const [front = [], back = []] = canonical.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0');
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`;
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
