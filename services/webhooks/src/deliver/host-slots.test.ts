import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostSlots, type TakenSlot } from './host-slots.js';

function taken(slots: HostSlots, host: string, id: string): TakenSlot {
  const slot = slots.take(host, id);
  if (slot.kind !== 'taken') throw new Error('the host is busy');
  return slot;
}

describe('HostSlots', () => {
  it('gives a host so many slots, another its own, and one back when it is released', () => {
    const slots = new HostSlots(2);
    const first = taken(slots, 'a:80', '1');
    taken(slots, 'a:80', '2');
    expect(slots.take('a:80', '3').kind).toBe('busy');
    taken(slots, 'b:80', '4');
    first.release();
    taken(slots, 'a:80', '3');
    expect(slots.take('a:80', '5').kind).toBe('busy');
  });

  it('has those that wait ask at a bounded rate, however many they are and however long they wait', () => {
    for (const waiting of [10, 150, 2000, 50_000]) {
      let now = 0;
      const slots = new HostSlots(10, () => now);
      for (let i = 0; i < 10; i++) taken(slots, 'hangs', `held-${i}`);
      const due = Array.from({ length: waiting }, (_, i) => ({ id: `${i}`, at: 0 }));
      let questions = 0;
      // Everybody once, then for a minute whoever is due.
      for (now = 0; now <= 60_000; now += 100) {
        for (const each of due) {
          if (each.at > now) continue;
          const slot = slots.take('hangs', each.id);
          if (slot.kind === 'busy') each.at = now + slot.delayMs;
          if (now > 0) questions++;
        }
      }
      expect(questions / 60, `${waiting} waiting`).toBeLessThan(250);
    }
  });

  it('lets a host that answers quickly work through its backlog without idling', () => {
    let now = 0;
    const slots = new HostSlots(10, () => now);
    const due = new Map(Array.from({ length: 1000 }, (_, i) => [`${i}`, 0]));
    const running = new Map<string, { until: number; release: () => void }>();
    let finished = 0;
    for (; finished < 1000 && now < 120_000; now += 10) {
      for (const [id, { until, release }] of running) {
        if (until > now) continue;
        release();
        running.delete(id);
        finished++;
      }
      for (const [id, at] of due) {
        if (at > now) continue;
        const slot = slots.take('fast', id);
        if (slot.kind === 'busy') {
          due.set(id, now + slot.delayMs);
          continue;
        }
        due.delete(id);
        running.set(id, { until: now + 100, release: slot.release });
      }
    }
    // 1000 of 100 ms each, ten at a time, are 10 s of work.
    expect(now).toBeLessThan(30_000);
  });

  it('never has more than the limit under way, whatever is taken and released', () => {
    const steps = fc.array(fc.record({ host: fc.constantFrom('a', 'b'), id: fc.nat(9), take: fc.boolean() }));
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 4 }), (list, limit) => {
        const slots = new HostSlots(limit);
        const held: Record<string, TakenSlot[]> = { a: [], b: [] };
        for (const { host, id, take } of list) {
          const mine = held[host] ?? [];
          if (!take) mine.pop()?.release();
          else {
            const slot = slots.take(host, String(id));
            expect(slot.kind).toBe(mine.length < limit ? 'taken' : 'busy');
            if (slot.kind === 'taken') mine.push(slot);
            else expect(slot.delayMs).toBeGreaterThanOrEqual(250);
          }
        }
      }),
    );
  });
});
