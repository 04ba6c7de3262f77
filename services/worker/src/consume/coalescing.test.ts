import { setTimeout as delay } from 'node:timers/promises';
import type { Answer, ResultAnswer, ResultCache } from '@quintet/shared';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Coalescing, type Turn } from './coalescing.js';

const tench: Answer = { predictions: [{ label: 'tench', wnid: 'n01440764', index: 0, score: 1 }] };

/** Redis as far as answers go, for any number of processes. */
class FakeCache {
  readonly results = new Map<string, Answer>();
  readonly claims = new Map<string, string>();
  asked = 0;
  readonly askers = new Set<string>();
  renewed = 0;

  ask(name: string, id: string): Promise<ResultAnswer> {
    this.asked += 1;
    this.askers.add(id);
    const answer = this.results.get(name);
    if (answer !== undefined) return Promise.resolve(answer);
    const holder = this.claims.get(name);
    if (holder !== undefined && holder !== id) return Promise.resolve('held');
    this.claims.set(name, id);
    return Promise.resolve('claimed');
  }
  renew(): Promise<void> {
    this.renewed += 1;
    return Promise.resolve();
  }
  release(name: string, id: string): Promise<void> {
    if (this.claims.get(name) === id) this.claims.delete(name);
    return Promise.resolve();
  }
  /** What JobStore.finish does with a shared answer. */
  keep(name: string, id: string): void {
    this.results.set(name, tench);
    if (this.claims.get(name) === id) this.claims.delete(name);
  }
}

function processOf(cache: FakeCache): Coalescing {
  return new Coalescing({
    cache: cache as unknown as ResultCache,
    onError: (error) => {
      throw error;
    },
  });
}

function leadOf(turn: Turn) {
  if (!('lead' in turn)) throw new Error('it has an answer');
  return turn.lead;
}

describe('Coalescing', () => {
  it('gives one of many the lead, and its answer to all, at the cost of one question', async () => {
    const cache = new FakeCache();
    const here = processOf(cache);
    const lead = leadOf(await here.enter('cat', 'a'));
    const others = Array.from({ length: 100 }, (_, index) => here.enter('cat', `b${index}`));
    cache.keep('cat', 'a');
    lead.leave(tench);
    expect(await Promise.all(others)).toEqual(others.map(() => tench));
    expect(cache.asked).toBe(1);
    expect(here.size).toBe(0);
  });

  it('passes the lead on, one at a time, where no answer came', async () => {
    const cache = new FakeCache();
    const here = processOf(cache);
    const first = leadOf(await here.enter('cat', 'a'));
    const answered: string[] = [];
    const run = async (id: string): Promise<void> => {
      const turn = await here.enter('cat', id);
      answered.push('lead' in turn ? `${id} leads` : `${id} is answered`);
      if (!('lead' in turn)) return;
      if (id !== 'b') cache.keep('cat', id);
      turn.lead.leave(id === 'b' ? undefined : tench);
    };
    const runs = ['b', 'c', 'd'].map(run);
    first.leave();
    await Promise.all(runs);
    expect(answered).toEqual(['b leads', 'c leads', 'd is answered']);
    expect([cache.claims.size, here.size]).toEqual([0, 0]);
  });

  it('leaves once, and pictures of other names alone', async () => {
    const cache = new FakeCache();
    const here = processOf(cache);
    const cat = leadOf(await here.enter('cat', 'a'));
    const dog = leadOf(await here.enter('dog', 'b'));
    cat.leave();
    const next = leadOf(await here.enter('cat', 'c'));
    cat.leave();
    expect([...cache.claims]).toEqual([
      ['dog', 'b'],
      ['cat', 'c'],
    ]);
    next.leave();
    dog.leave();
    expect(here.size).toBe(0);
  });

  it('watches the lead of another process, and has its answer, or the lead when its claim is gone', async () => {
    const cache = new FakeCache();
    const [here, there] = [processOf(cache), processOf(cache)];
    /** Until it has been asked so many times more. */
    const asked = async (times: number): Promise<void> => {
      const before = cache.asked;
      await expect.poll(() => cache.asked).toBeGreaterThanOrEqual(before + times);
    };
    const lead = leadOf(await there.enter('cat', 'a'));
    const waiting = [here.enter('cat', 'b'), here.enter('cat', 'c')];
    await asked(2);
    cache.keep('cat', 'a');
    lead.leave(tench);
    expect(await Promise.all(waiting)).toEqual([tench, tench]);
    // Of two jobs of one process, one looks for both.
    expect([...cache.askers]).toEqual(['a', 'b']);

    await there.enter('dog', 'a');
    const later = here.enter('dog', 'b');
    await asked(2);
    // Its process died, and its claim ran out.
    cache.claims.delete('dog');
    leadOf(await later).leave();
  });

  it('lets a job that was taken over pass its own claim', async () => {
    const cache = new FakeCache();
    await processOf(cache).enter('cat', 'a');
    leadOf(await processOf(cache).enter('cat', 'a')).leave();
  });

  it('waits no longer than the deadline, and takes nobody along', async () => {
    const cache = new FakeCache();
    const [here, there] = [processOf(cache), processOf(cache)];
    const lead = leadOf(await there.enter('cat', 'a'));
    const late = here.enter('cat', 'b', 30);
    const patient = here.enter('cat', 'c');
    await expect(late).rejects.toMatchObject({ why: 'late' });
    await expect(here.enter('cat', 'd', 30)).rejects.toMatchObject({ why: 'late' });
    lead.leave();
    leadOf(await patient).leave();
    expect(here.size).toBe(0);
  });

  it('hands back whoever waits when the worker stops, near and far, and whoever comes later', async () => {
    const cache = new FakeCache();
    const [here, there] = [processOf(cache), processOf(cache)];
    const lead = leadOf(await there.enter('cat', 'a'));
    const waiting = [here.enter('cat', 'b'), here.enter('cat', 'c', 10_000), here.enter('cat', 'd')];
    here.abandon();
    for (const each of [...waiting, here.enter('cat', 'e')])
      await expect(each).rejects.toMatchObject({ why: 'handed-back' });
    expect(here.size).toBe(0);
    lead.leave();
  });

  it('renews the claim of whoever leads long, and no other', async () => {
    vi.useFakeTimers();
    try {
      const cache = new FakeCache();
      const here = processOf(cache);
      const lead = leadOf(await here.enter('cat', 'a'));
      await vi.advanceTimersByTimeAsync(5000);
      expect(cache.renewed).toBe(5);
      lead.leave();
      await vi.advanceTimersByTimeAsync(5000);
      expect(cache.renewed).toBe(5);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('passes on what Redis says, and forgets who asked', async () => {
    const cache = new FakeCache();
    const here = processOf(cache);
    vi.spyOn(cache, 'ask').mockRejectedValueOnce(new Error('away'));
    await expect(here.enter('cat', 'a')).rejects.toThrow('away');
    leadOf(await here.enter('cat', 'b')).leave();
  });

  it('answers every job, and infers a picture again only where nobody could say', async () => {
    const job = fc.record({
      at: fc.integer({ min: 0, max: 40 }),
      process: fc.nat(1),
      name: fc.constantFrom('cat', 'dog'),
      takesMs: fc.integer({ min: 0, max: 20 }),
      fails: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(job, { minLength: 1, maxLength: 12 }), async (jobs) => {
        const cache = new FakeCache();
        const processes = [processOf(cache), processOf(cache)];
        const running = new Map<string, number>();
        const succeeded = new Map<string, number>();
        await Promise.all(
          jobs.map(async ({ at, process, name, takesMs, fails }, index) => {
            await delay(at);
            const turn = await processes[process]?.enter(name, String(index));
            if (turn === undefined || 'predictions' in turn) return;
            running.set(name, (running.get(name) ?? 0) + 1);
            // One at a time, of all processes.
            expect(running.get(name)).toBe(1);
            await delay(takesMs);
            running.set(name, 0);
            if (!fails) {
              succeeded.set(name, (succeeded.get(name) ?? 0) + 1);
              cache.keep(name, String(index));
            }
            turn.lead.leave(fails ? undefined : tench);
          }),
        );
        for (const count of succeeded.values()) expect(count).toBe(1);
        expect(processes.map(({ size }) => size)).toEqual([0, 0]);
        expect(cache.claims.size).toBe(0);
      }),
      { numRuns: 30 },
    );
  });
});
