import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HostSlots, type Slot, type TakenSlot } from './host-slots.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

async function taken(slots: HostSlots, host: string, id: string): Promise<TakenSlot> {
  const slot = await slots.take(host, id);
  if (slot.kind !== 'taken') throw new Error('the host is busy');
  return slot;
}

/** As the queue does with each delivery: asks, works for `workMs` once it has a slot, and asks again when it is told to. */
function crowd(slots: HostSlots, host: string, count: number, workMs: number) {
  const state = { asked: 0, finished: 0, underWay: 0, most: 0 };
  const ask = async (id: string): Promise<void> => {
    state.asked++;
    const slot = await slots.take(host, id);
    if (slot.kind === 'busy') {
      setTimeout(() => void ask(id), slot.delayMs);
      return;
    }
    state.most = Math.max(state.most, ++state.underWay);
    setTimeout(() => {
      state.underWay--;
      state.finished++;
      slot.release();
    }, workMs);
  };
  for (let n = 0; n < count; n++) void ask(String(n));
  return state;
}

describe('HostSlots', () => {
  it('gives a host so many slots, another its own, and one back when it is released', async () => {
    const slots = new HostSlots(2);
    const first = await taken(slots, 'a:80', '1');
    await taken(slots, 'a:80', '2');
    await taken(slots, 'b:80', '4');
    const third = slots.take('a:80', '3');
    first.release();
    expect((await third).kind).toBe('taken');
  });

  it('sends away who stood in line too long, and at once who would', async () => {
    const slots = new HostSlots(1);
    const held = await taken(slots, 'a', '1');
    const second = slots.take('a', '2');
    await vi.advanceTimersByTimeAsync(501);
    expect(await second).toMatchObject({ kind: 'busy' });
    expect(await slots.take('a', '3')).toMatchObject({ kind: 'busy' });
    held.release();
    await taken(slots, 'a', '2');
  });

  it.each([150, 800])('has %i that wait for a host that hangs ask at a bounded rate', async (count) => {
    const state = crowd(new HostSlots(10), 'hangs', count, 15_000);
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
  ])('works through 400 of %i ms each without idling', async (workMs, leastMs) => {
    // Ten at a time, they are 40 times that of work.
    const state = crowd(new HostSlots(10), 'answers', 400, workMs);
    const started = performance.now();
    while (state.finished < 400 && performance.now() - started < 60_000) await vi.advanceTimersByTimeAsync(100);
    expect(performance.now() - started).toBeLessThanOrEqual(leastMs + 5000);
    expect(state.most).toBe(10);
  });

  it('never has more than the limit under way, whatever is taken and released', async () => {
    vi.useRealTimers();
    const steps = fc.array(fc.record({ host: fc.constantFrom('a', 'b'), id: fc.nat(9), take: fc.boolean() }));
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (list, limit) => {
        // A clock on which every attempt takes long, so that nobody stands in line.
        let now = 0;
        const slots = new HostSlots(limit, () => (now += 10_000));
        const held: Record<string, TakenSlot[]> = { a: [], b: [] };
        for (const { host, id, take } of list) {
          const mine = held[host] ?? [];
          if (!take) {
            mine.pop()?.release();
            continue;
          }
          const slot: Slot = await slots.take(host, String(id));
          expect(slot.kind).toBe(mine.length < limit ? 'taken' : 'busy');
          if (slot.kind === 'taken') mine.push(slot);
          else expect(slot.delayMs).toBeGreaterThanOrEqual(1000);
        }
      }),
    );
  });
});
