import { describe, expect, it } from 'vitest';
import { ItemStore } from './store.js';
import { makeItem, makeJob } from './testing/make.js';

function storeAt(clock: { now: number }) {
  const flushes: (() => void)[] = [];
  const store = new ItemStore(
    (flush) => void flushes.push(flush),
    () => clock.now,
  );
  return { store, flushes };
}

describe('ItemStore', () => {
  it('tells once of all that has changed', () => {
    const { store, flushes } = storeAt({ now: 0 });
    const told: string[][] = [];
    store.onChange((changed) => told.push([...changed]));
    store.add(makeItem('a'));
    store.add(makeItem('b'));
    store.update('a', { state: { kind: 'uploading', fraction: 1 } });
    store.remove('b');
    expect(flushes).toHaveLength(1);
    flushes[0]?.();
    expect(told).toEqual([['a', 'b']]);
    store.update('nobody', { name: 'x' });
    expect(flushes).toHaveLength(1);
  });

  it('notes when an item has come to its end, once, and forgets it when it begins anew', () => {
    const clock = { now: 10 };
    const { store } = storeAt(clock);
    store.add(makeItem('a'));
    const end = (): void => {
      store.update('a', { state: { kind: 'job', job: makeJob('1', { status: 'succeeded' }) } });
    };
    end();
    clock.now = 20;
    store.update('a', { preview: 'blob:x' });
    expect(store.get('a')?.doneAt).toBe(10);
    store.update('a', { state: { kind: 'waiting' } });
    expect(store.get('a')).not.toHaveProperty('doneAt');
    end();
    expect(store.get('a')?.doneAt).toBe(20);
  });

  it('does not make up an end for what came with one', () => {
    const { store } = storeAt({ now: 10 });
    store.add(makeItem('a', { state: { kind: 'canceled' } }));
    store.update('a', { preview: 'blob:x' });
    expect(store.get('a')).not.toHaveProperty('doneAt');
  });
});
