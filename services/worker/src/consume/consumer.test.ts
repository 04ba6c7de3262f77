import type { JobStore } from '@quintet/shared';
import { describe, expect, it } from 'vitest';
import { mostDeaths, Suspects } from './consumer.js';

/** As a worker has them. */
const suspectsOn = (store: ReturnType<typeof notes>) => new Suspects(store as unknown as JobStore);

/** The notes of Redis, which outlive a worker. */
function notes() {
  const runs = new Map<string, number>();
  return {
    runs,
    beginSuspect: (id: string) => {
      runs.set(id, (runs.get(id) ?? 0) + 1);
      return Promise.resolve(runs.get(id) ?? 0);
    },
    clearSuspect: (id: string) => {
      runs.delete(id);
      return Promise.resolve();
    },
  };
}

const forEver = () => new Promise<never>(() => undefined);

describe('suspects', () => {
  it('are run one at a time, in order', async () => {
    const suspects = suspectsOn(notes());
    const log: string[] = [];
    const order = (id: string) =>
      suspects.run(id, async () => {
        log.push(`${id} begins`);
        await Promise.resolve();
        log.push(`${id} ends`);
        return id;
      });
    expect(await Promise.all([order('a'), order('b'), order('c')])).toEqual(['a', 'b', 'c']);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('are blamed for the deaths during their own run only, and given up after enough of them', async () => {
    const store = notes();
    for (let death = 0; death < mostDeaths; death += 1) {
      const worker = suspectsOn(store);
      void worker.run('killer', forEver);
      void worker.run('neighbour', forEver);
      // Here the worker dies: neither ends, and the neighbour has not begun.
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([...store.runs]).toEqual([['killer', mostDeaths]]);
    const last = suspectsOn(store);
    expect(await last.run('killer', forEver)).toBe('guilty');
    expect(await last.run('neighbour', () => Promise.resolve('fine'))).toBe('fine');
  });

  it('are cleared by a run that ends, and by one that fails', async () => {
    const store = notes();
    const suspects = suspectsOn(store);
    await suspects.run('a', () => Promise.resolve());
    await expect(suspects.run('b', () => Promise.reject(new Error('try again')))).rejects.toThrow('try again');
    expect([...store.runs]).toEqual([]);
    expect(await suspects.run('c', () => Promise.resolve('next'))).toBe('next');
  });
});
