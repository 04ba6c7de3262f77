/** This browser's history, over a real implementation of IndexedDB and between two tabs; and over storage that refuses. */
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, describe, expect, it } from 'vitest';
import { openHistoryStorage, type HistoryEntry, type HistoryStorage } from './history-storage.js';
import { createHistory, type History, type HistoryOptions } from './history.js';

const opened: History[] = [];
afterEach(() => {
  for (const history of opened.splice(0)) history.close();
});

function entry(id: string, savedAt: number): HistoryEntry {
  const links = { self: `/v1/jobs/${id}` };
  const job = { id, status: 'succeeded', model: { name: 'm' }, created_at: '', metadata: {}, links } as const;
  return { id, name: `${id}.jpg`, savedAt, job, thumbnail: new Blob([id]) };
}

function track(options: HistoryOptions): History {
  const history = createHistory(options);
  opened.push(history);
  return history;
}

/** A tab of a browser, which `factory` stands for. */
function tab(factory: IDBFactory, options: Partial<HistoryOptions> = {}): History {
  return track({
    open: () => openHistoryStorage('test', factory),
    channel: new BroadcastChannel(`history-${channels.get(factory) ?? newChannel(factory)}`),
    ...options,
  });
}
const channels = new Map<IDBFactory, number>();
function newChannel(factory: IDBFactory): number {
  channels.set(factory, channels.size);
  return channels.size - 1;
}

const idsOf = (history: History): string[] => history.entries.map(({ id }) => id);

/** Resolves once `history` has these, which another tab may have to tell it first. */
function has(history: History, ids: readonly string[]): Promise<void> {
  const isSo = (): boolean => idsOf(history).join() === ids.join();
  return new Promise((resolve) => {
    history.onChange(() => {
      if (isSo()) resolve();
    });
    if (isSo()) resolve();
  });
}

describe('history', () => {
  it('is there after a reload, newest first, with its thumbnails', async () => {
    const browser = new IDBFactory();
    const before = tab(browser);
    before.add(entry('a', 1), entry('c', 3));
    before.add(entry('b', 2));
    expect(idsOf(before)).toEqual(['c', 'b', 'a']);
    await before.settled();
    expect(before.keeping).toBe('kept');
    before.close();

    const after = tab(browser);
    await after.settled();
    expect(idsOf(after)).toEqual(['c', 'b', 'a']);
    expect(after.find('b')).toMatchObject({ name: 'b.jpg', job: { id: 'b' } });
    expect(await after.find('b')?.thumbnail?.text()).toBe('b');
  });

  it('has each result once, in its last state', async () => {
    const browser = new IDBFactory();
    const history = tab(browser);
    history.add(entry('a', 1));
    history.add({ ...entry('a', 5), name: 'again.jpg' });
    await history.settled();
    expect(history.entries).toMatchObject([{ id: 'a', name: 'again.jpg' }]);
  });

  it('keeps what came before the kept ones were read', async () => {
    const browser = new IDBFactory();
    const before = tab(browser);
    before.add(entry('old', 1));
    await before.settled();
    const after = tab(browser);
    expect(after.keeping).toBe('opening');
    after.add(entry('new', 2));
    await after.settled();
    expect(idsOf(after)).toEqual(['new', 'old']);
  });

  it('lets the oldest go, here and in storage', async () => {
    const browser = new IDBFactory();
    const history = tab(browser, { limit: 3 });
    for (const at of [1, 2, 3, 4, 5]) history.add(entry(`e${at}`, at));
    expect(idsOf(history)).toEqual(['e5', 'e4', 'e3']);
    history.add(entry('e0', 0));
    expect(idsOf(history)).toEqual(['e5', 'e4', 'e3']);
    await history.settled();
    const again = tab(browser, { limit: 2 });
    await again.settled();
    expect(idsOf(again)).toEqual(['e5', 'e4']);
    const unlimited = tab(browser);
    await unlimited.settled();
    expect(idsOf(unlimited)).toEqual(['e5', 'e4']);
  });

  it('deletes one or all, and takes either back', async () => {
    const history = tab(new IDBFactory());
    history.add(entry('a', 1), entry('b', 2), entry('c', 3));
    const one = history.remove('b', 'no such');
    expect(idsOf(history)).toEqual(['c', 'a']);
    history.add(...one);
    expect(idsOf(history)).toEqual(['c', 'b', 'a']);
    const all = history.removeAll();
    await history.settled();
    expect(idsOf(history)).toEqual([]);
    history.add(...all);
    await history.settled();
    expect(idsOf(history)).toEqual(['c', 'b', 'a']);
  });

  it('is the same in two tabs', async () => {
    const browser = new IDBFactory();
    const [one, two] = [tab(browser), tab(browser)];
    await Promise.all([one.settled(), two.settled()]);
    one.add(entry('a', 1));
    await has(two, ['a']);
    two.add(entry('b', 2));
    await has(one, ['b', 'a']);
    one.removeAll();
    await has(two, []);
  });

  it('ends the same in tabs that change it at once', async () => {
    const browser = new IDBFactory();
    const [one, two] = [tab(browser), tab(browser)];
    for (let at = 0; at < 10; at += 1) (at % 2 === 0 ? one : two).add(entry(`e${at}`, at));
    one.remove('e3', 'e4');
    const all = Array.from({ length: 10 }, (_, at) => `e${9 - at}`);
    // e3 is of the other tab: what one tab has not seen yet it does not delete.
    const left = all.filter((id) => id !== 'e4');
    await Promise.all([has(one, left), has(two, left)]);
  });
});

/** Storage that fails as it is told, from one write on. */
function failing(errorAt: (writes: number) => Error | undefined): {
  storage: HistoryStorage;
  kept: Map<string, unknown>;
} {
  const kept = new Map<string, HistoryEntry>();
  let writes = 0;
  const storage: HistoryStorage = {
    load: () => Promise.resolve([...kept.values()]),
    write({ put = [], remove = [] }) {
      writes += 1;
      const error = errorAt(writes);
      if (error !== undefined) return Promise.reject(error);
      for (const id of remove) kept.delete(id);
      for (const each of put) kept.set(each.id, each);
      return Promise.resolve();
    },
    close: () => undefined,
  };
  return { storage, kept };
}

const full = (): DOMException => new DOMException('No space left', 'QuotaExceededError');

describe('a browser that keeps nothing', () => {
  it('has a history for this tab, and says that it is no longer', async () => {
    const history = track({ open: () => Promise.reject(new DOMException('Not in private windows', 'SecurityError')) });
    const told: string[] = [];
    history.onChange(() => told.push(history.keeping));
    history.add(entry('a', 1), entry('b', 2));
    await history.settled();
    expect(history.keeping).toBe('session');
    expect(told.at(-1)).toBe('session');
    history.remove('a');
    expect(idsOf(history)).toEqual(['b']);
  });

  it('has lost nothing of what was shown where it fails later', async () => {
    const { storage } = failing((writes) => (writes > 1 ? new DOMException('Gone', 'InvalidStateError') : undefined));
    const history = track({ open: () => Promise.resolve(storage) });
    history.add(entry('a', 1));
    history.add(entry('b', 2));
    history.add(entry('c', 3));
    await history.settled();
    expect(history.keeping).toBe('session');
    expect(idsOf(history)).toEqual(['c', 'b', 'a']);
  });

  it('makes room by the older half where the disk is full', async () => {
    const { storage, kept } = failing((writes) => (writes === 5 ? full() : undefined));
    const history = track({ open: () => Promise.resolve(storage) });
    for (const at of [1, 2, 3, 4, 5]) history.add(entry(`e${at}`, at));
    await history.settled();
    expect(history.keeping).toBe('kept');
    expect(idsOf(history)).toEqual(['e5', 'e4', 'e3']);
    expect([...kept.keys()].sort()).toEqual(['e3', 'e4', 'e5']);
  });

  it('gives up where that is not enough, and goes on showing', async () => {
    const { storage } = failing(full);
    const history = track({ open: () => Promise.resolve(storage) });
    history.add(entry('a', 1));
    await history.settled();
    expect(history.keeping).toBe('session');
    expect(idsOf(history)).toEqual(['a']);
  });
});
