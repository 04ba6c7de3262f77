/** Any history of calls that are quick, slow or hang, of orders that are put off, called, lost to another process: the shares hold. */
import { FairShares, type Asking, type Busy, type Party, type Place } from '@quintet/outbound';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { full } from '../support/full.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const hosts = ['a', 'b', 'c', 'd'];
const clients = ['x', 'y'];
const addresses = ['1', '2'];

const step = fc.oneof(
  fc.record({
    kind: fc.constant('ask' as const),
    host: fc.constantFrom(...hosts),
    client: fc.constantFrom(...clients),
    address: fc.option(fc.constantFrom(...addresses), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('end' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(2000) }),
  fc.record({ kind: fc.constant('lose' as const), which: fc.nat() }),
);

interface Order {
  readonly asking: Asking;
  readonly address: string | undefined;
  state: 'asking' | 'taken' | 'away' | 'ended';
  place?: Place;
  timer?: NodeJS.Timeout;
}

/** The queue around the shares: brings back an order when it is called, or when its delay is over. */
class World {
  readonly orders: Order[] = [];
  readonly shares: FairShares;
  #byId = new Map<string, Order>();
  calls = 0;
  readonly broken: string[] = [];

  constructor(
    readonly places: number,
    readonly mostOfHost: number,
  ) {
    this.shares = new FairShares(
      places,
      ({ id }) => {
        this.calls++;
        const order = this.#byId.get(id);
        // As through the queue, a little later; of one that another process has taken nothing comes.
        setTimeout(() => {
          if (order?.state === 'away') this.back(order);
        }, 5);
      },
      undefined,
      () => 0.5,
    );
  }

  ask(host: string, client: string, address: string | undefined): void {
    const id = String(this.orders.length);
    const parties: Party[] = [
      { name: `host ${host}`, perFree: 2, most: this.mostOfHost },
      { name: `client ${client}`, perFree: 3 },
    ];
    const order: Order = { asking: { id, parties, start: 1 }, address, state: 'asking' };
    this.orders.push(order);
    this.#byId.set(id, order);
    this.#asks(order);
  }

  back(order: Order): void {
    clearTimeout(order.timer);
    order.state = 'asking';
    this.#asks(order);
  }

  #asks(order: Order): void {
    void this.shares.take(order.asking).then((turn) => {
      if (turn.kind === 'busy') this.#goes(order, turn);
      else this.#takes(order, turn);
    });
  }

  #takes(order: Order, place: Place): void {
    order.state = 'taken';
    order.place = place;
    this.check(order.asking.parties);
    if (order.address === undefined) return;
    const party = { name: `address ${order.address}`, perFree: 3 };
    const busy = place.join([party]);
    if (busy !== undefined) this.#goes(order, busy);
    else this.check([party]);
  }

  #goes(order: Order, busy: Busy): void {
    order.state = 'away';
    order.timer = setTimeout(() => {
      if (order.state === 'away') this.back(order);
    }, busy.delayMs);
    busy.away();
  }

  of(state: Order['state']): Order[] {
    return this.orders.filter((order) => order.state === state);
  }

  end(order: Order): void {
    order.state = 'ended';
    order.place?.release();
  }

  /** Notes where the rule does not hold as a place is taken. */
  check(parties: readonly Party[]): void {
    const held = this.of('taken');
    const free = this.places - held.length;
    if (free < 0) this.broken.push('more places than there are');
    for (const { name, perFree, most = this.places } of parties) {
      const mine = held.filter(
        ({ asking, address }) => asking.parties.some((party) => party.name === name) || `address ${address}` === name,
      ).length;
      if (mine > most || (mine > 1 && mine > perFree * free)) this.broken.push(`${name}: ${mine}, with ${free} free`);
    }
  }
}

it('no history takes more than there is or than a share, loses a place, or forgets an order', async () => {
  const history = fc.array(step, { maxLength: 120 });
  await fc.assert(
    fc.asyncProperty(
      history,
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 6 }),
      async (steps, places, most) => {
        const world = new World(places, most);
        for (const each of steps) {
          if (each.kind === 'ask') world.ask(each.host, each.client, each.address);
          else if (each.kind === 'pass') await vi.advanceTimersByTimeAsync(each.ms);
          else {
            const some = world.of(each.kind === 'end' ? 'taken' : 'away');
            const chosen = some[each.which % Math.max(1, some.length)];
            // Lost: its job was canceled, or another process has taken it.
            if (chosen !== undefined) world.end(chosen);
          }
          await vi.advanceTimersByTimeAsync(0);
        }
        expect(world.broken).toEqual([]);
        // Nobody starves: while anybody is away, each that ends makes room at once for one that takes it, or is called.
        while (world.of('ended').length < world.orders.length) {
          const { calls } = world;
          for (const order of world.of('taken')) world.end(order);
          await vi.advanceTimersByTimeAsync(501);
          const waits = world.of('ended').length < world.orders.length;
          if (waits) expect(world.of('taken').length + world.calls - calls).toBeGreaterThan(0);
        }
        expect(world.broken).toEqual([]);
        // No place has leaked: a stranger finds all that one may have, and it is as much as at the beginning.
        await vi.advanceTimersByTimeAsync(1000);
        const free = await take(world.shares, places);
        const fresh = await take(new FairShares(places, () => undefined), places);
        expect(free).toBe(fresh);
      },
    ),
    { numRuns: full ? 5000 : 200 },
  );
});

/** How many of `count` orders of as many parties find a place. */
async function take(shares: FairShares, count: number): Promise<number> {
  const turns = Array.from({ length: count }, (_, n) =>
    shares.take({ id: `stranger ${n}`, start: 1, parties: [{ name: `stranger ${n}`, perFree: 1 }] }),
  );
  await vi.advanceTimersByTimeAsync(501);
  return (await Promise.all(turns)).filter(({ kind }) => kind === 'taken').length;
}

it.each([
  ['one host at twelve ports', () => 'tarpit', 10],
  ['hosts without number', (n: number) => `tarpit-${n}`, 75],
])('calls that hang at %s leave room, at once, for everybody else', async (_what, host, most) => {
  const world = new World(100, 10);
  for (let n = 0; n < 1000; n++) {
    world.ask(host(n), 'x', undefined);
    if (n % 100 === 99) await vi.advanceTimersByTimeAsync(600);
  }
  expect(world.of('taken')).toHaveLength(most);
  world.ask('bystander', 'y', undefined);
  await vi.advanceTimersByTimeAsync(0);
  expect(world.orders.at(-1)?.state).toBe('taken');
});

it('asks the queue for one order for each place that becomes free, however many are away', async () => {
  const world = new World(100, 10);
  for (let n = 0; n < 500; n++) world.ask('tarpit', 'x', undefined);
  await vi.advanceTimersByTimeAsync(4000);
  expect(world.calls).toBe(0);
  for (const order of world.of('taken').slice(0, 3)) world.end(order);
  await vi.advanceTimersByTimeAsync(100);
  expect(world.calls).toBe(3);
  expect(world.of('taken')).toHaveLength(10);
});
