import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FairShares, type Asking, type Busy, type Place } from './fair-shares.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const asking = (id: string, host: string, client = 'c', most?: number): Asking => ({
  id,
  start: 1,
  parties: [
    { name: `host ${host}`, perFree: 2, ...(most === undefined ? {} : { most }) },
    { name: `client ${client}`, perFree: 3 },
  ],
});

async function taken(turn: Promise<Place | Busy>): Promise<Place> {
  const place = await turn;
  if (place.kind !== 'taken') throw new Error('busy');
  return place;
}

/** As the queue does with each order: asks, works for `workMs` once it has a place, and asks again when its time or its call comes. */
function crowd(places: number, most: number, count: number, workMs: number, calls = true) {
  const state = { asked: 0, finished: 0, underWay: 0, most: 0 };
  const back = new Map<string, () => void>();
  const shares = new FairShares(places, ({ id }) => {
    if (calls) back.get(id)?.();
  });
  const ask = async (id: string): Promise<void> => {
    state.asked++;
    const turn = await shares.take(asking(id, 'h', 'c', most));
    if (turn.kind === 'busy') {
      const again = (): void => {
        clearTimeout(timer);
        back.delete(id);
        void ask(id);
      };
      const timer = setTimeout(again, turn.delayMs);
      back.set(id, again);
      turn.away();
      return;
    }
    state.most = Math.max(state.most, ++state.underWay);
    setTimeout(() => {
      state.underWay--;
      state.finished++;
      turn.release();
    }, workMs);
  };
  for (let n = 0; n < count; n++) void ask(String(n));
  return state;
}

describe('FairShares', () => {
  it('leaves a quarter of the places to others than one client, a third to others than one host', async () => {
    const shares = new FairShares(16, () => undefined);
    const of = async (count: number, host: (n: number) => string, client: string) => {
      const turns = await Promise.all(
        Array.from({ length: count }, async (_, n) => {
          const turn = shares.take(asking(`${client} ${host(n)} ${n}`, host(n), client));
          await vi.advanceTimersByTimeAsync(501);
          return turn;
        }),
      );
      return turns.filter(({ kind }) => kind === 'taken').length;
    };
    expect(await of(40, () => 'slow', 'a')).toBe(10);
    expect(await of(40, (n) => `slow-${n}`, 'a')).toBe(2);
    expect(await of(1, () => 'quick', 'b')).toBe(1);
  });

  it('gives one place to whoever is alone with one', async () => {
    const shares = new FairShares(1, () => undefined);
    const place = await taken(shares.take(asking('1', 'h')));
    place.release();
    place.release();
    await taken(shares.take(asking('2', 'h')));
  });

  it('sends away who stood in line too long, and at once who would', async () => {
    const shares = new FairShares(4, () => undefined);
    await taken(shares.take(asking('1', 'h', 'c', 1)));
    const second = shares.take(asking('2', 'h', 'c', 1));
    await vi.advanceTimersByTimeAsync(501);
    expect(await second).toMatchObject({ kind: 'busy' });
    expect(await shares.take(asking('3', 'h', 'c', 1))).toMatchObject({ kind: 'busy' });
  });

  it('calls one that is away as soon as there is room, and keeps the place for it', async () => {
    const called: string[] = [];
    const shares = new FairShares(4, ({ id }) => called.push(id));
    const first = await taken(shares.take(asking('first', 'h', 'c', 1)));
    await vi.advanceTimersByTimeAsync(15_000);
    const busy = await shares.take(asking('old', 'h', 'c', 1));
    first.release();
    // It is still on its way back to the queue.
    expect(called).toEqual([]);
    if (busy.kind === 'busy') busy.away();
    expect(called).toEqual(['old']);
    const young = shares.take(asking('young', 'h', 'c', 1));
    await taken(shares.take(asking('old', 'h', 'c', 1)));
    await vi.advanceTimersByTimeAsync(501);
    expect((await young).kind).toBe('busy');
  });

  it('gives the place of one that was called to others when it does not come', async () => {
    const shares = new FairShares(4, () => undefined);
    const first = await taken(shares.take(asking('first', 'h', 'c', 1)));
    await vi.advanceTimersByTimeAsync(15_000);
    const busy = await shares.take(asking('elsewhere', 'h', 'c', 1));
    if (busy.kind === 'busy') busy.away();
    first.release();
    await vi.advanceTimersByTimeAsync(500);
    await taken(shares.take(asking('next', 'h', 'c', 1)));
  });

  it('counts a place for the address that its name turns out to have, and gives it back where that has its share', async () => {
    const called: string[] = [];
    const shares = new FairShares(4, ({ id }) => called.push(id));
    const address = [{ name: 'address 192.0.2.1', perFree: 3, most: 1 }];
    const first = await taken(shares.take(asking('1', 'a')));
    expect(first.join(address)).toBeUndefined();
    expect(first.join(address)).toBeUndefined();
    const second = await taken(shares.take(asking('2', 'b', 'd')));
    const busy = second.join(address);
    expect(busy).toMatchObject({ kind: 'busy' });
    busy?.away();
    second.release();
    expect(called).toEqual([]);
    first.release();
    expect(called).toEqual(['2']);
    // The name of a call that was given up is resolved: it counts for nobody.
    expect(first.join([{ name: 'address 192.0.2.2', perFree: 3, most: 1 }])).toBeUndefined();
    const third = await taken(shares.take(asking('3', 'c', 'e')));
    expect(third.join([{ name: 'address 192.0.2.2', perFree: 3, most: 1 }])).toBeUndefined();
  });

  it.each([150, 800])('has %i that wait for a host that hangs ask at a bounded rate', async (count) => {
    const state = crowd(100, 10, count, 15_000, false);
    await vi.advanceTimersByTimeAsync(5000);
    const before = state.asked;
    await vi.advanceTimersByTimeAsync(20_000);
    expect((state.asked - before) / 20).toBeLessThan(100);
    expect(state.most).toBe(10);
  });

  it.each([
    [2, 80],
    [50, 2000],
    [500, 20_000],
    [5000, 200_000],
  ])('works through 400 of %i ms each without idling', async (workMs, leastMs) => {
    // Ten at a time, they are 40 times that of work.
    const state = crowd(100, 10, 400, workMs);
    const started = performance.now();
    while (state.finished < 400 && performance.now() - started < 300_000) await vi.advanceTimersByTimeAsync(100);
    expect(performance.now() - started).toBeLessThanOrEqual(leastMs + 1000);
    expect(state.most).toBe(10);
  });
});
