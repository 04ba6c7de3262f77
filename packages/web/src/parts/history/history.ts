/**
 * This browser's results, newest first, at most `limit`: a list in memory, and a copy of it that outlives the tab.
 *
 * Where it is kept: opening → kept | session; kept → session. `session` is where the browser refuses to keep anything
 * (a private window, no space left): the list works on and ends with the tab, and says so. There is no way back from it
 * but a reload, since a browser that has failed once fails again, and a list of which half is kept is worse than
 * either.
 *
 * Invariant: what was shown last is what was asked for last. The list in memory changes at once; storage follows, one
 * operation at a time, in order. Other tabs are told after each write and read all of it again; a reading that
 * something has overtaken is thrown away and done once more. Trade-off: every entry is held in memory twice over, which
 * for 200 thumbnails is 2 MB.
 */
import { newestFirst, openHistoryStorage, type HistoryEntry, type HistoryStorage } from './history-storage.js';

export type Keeping = 'opening' | 'kept' | 'session';

export interface History {
  readonly keeping: Keeping;
  /** Newest first. */
  readonly entries: readonly HistoryEntry[];
  find(id: string): HistoryEntry | undefined;
  /** Puts an entry in its place, instead of the one of its id; the oldest go where there are too many. */
  add(...entries: readonly HistoryEntry[]): void;
  /** Takes entries out and returns them: `add(...removed)` undoes it. */
  remove(...ids: readonly string[]): HistoryEntry[];
  removeAll(): HistoryEntry[];
  /** Calls `listener` after every change, of other tabs too, until `signal` is aborted. */
  onChange(listener: () => void, signal?: AbortSignal): void;
  /** Resolves when storage has all of what was asked for so far, or has refused it. */
  settled(): Promise<void>;
  close(): void;
}

export interface HistoryOptions {
  /** Called at once; may reject. */
  readonly open: () => Promise<HistoryStorage>;
  /** Over which tabs tell each other of changes. */
  readonly channel?: BroadcastChannel | undefined;
  readonly limit?: number;
}

type Change = Parameters<HistoryStorage['write']>[0];

export function createHistory({ open, channel, limit = 200 }: HistoryOptions): History {
  const listeners = new Set<() => void>();
  let entries: readonly HistoryEntry[] = [];
  let keeping: Keeping = 'opening';
  let storage: HistoryStorage | undefined;
  let asked = 0;
  /** How many wait in the queue. */
  let readings = 0;

  const show = (next: Iterable<HistoryEntry>): void => {
    entries = newestFirst(next);
    for (const listener of [...listeners]) listener();
  };

  const keepNothing = (): void => {
    storage?.close();
    storage = undefined;
    keeping = 'session';
    show(entries);
  };

  let queue = (async () => {
    try {
      storage = await open();
      keeping = 'kept';
    } catch {
      keepNothing();
    }
  })();

  /** `work` is told whether nothing has been asked for since. */
  const enqueue = (work: (storage: HistoryStorage, isLast: () => boolean) => Promise<void>): void => {
    asked += 1;
    const mine = asked;
    queue = queue.then(async () => {
      if (storage === undefined) return;
      try {
        await work(storage, () => mine === asked);
      } catch {
        keepNothing();
      }
    });
  };

  const write = (change: Change): void => {
    enqueue(async (target) => {
      try {
        await target.write(change);
      } catch (error) {
        if (!isQuota(error)) throw error;
        // The older half makes room; if that is not enough, nothing is.
        const doomed = entries.slice(Math.ceil(entries.length / 2)).map(({ id }) => id);
        const put = (change.put ?? []).filter(({ id }) => !doomed.includes(id));
        await target.write({ put, remove: [...(change.remove ?? []), ...doomed] });
        show(entries.filter(({ id }) => !doomed.includes(id)));
      }
      channel?.postMessage('changed');
    });
  };

  const read = (): void => {
    readings += 1;
    enqueue(async (source, isLast) => {
      readings -= 1;
      const loaded = newestFirst(await source.load());
      if (!isLast()) {
        // One is enough, however many tabs have told of changes meanwhile.
        if (readings === 0) read();
        return;
      }
      show(loaded.slice(0, limit));
      const extra = loaded.slice(limit).map(({ id }) => id);
      if (extra.length > 0) write({ remove: extra });
    });
  };

  const remove = (ids: readonly string[]): HistoryEntry[] => {
    const removed = entries.filter(({ id }) => ids.includes(id));
    if (removed.length === 0) return [];
    show(entries.filter(({ id }) => !ids.includes(id)));
    write({ remove: removed.map(({ id }) => id) });
    return removed;
  };

  channel?.addEventListener('message', read);
  read();

  return {
    get keeping() {
      return keeping;
    },
    get entries() {
      return entries;
    },
    find: (id) => entries.find((entry) => entry.id === id),
    add(...added) {
      if (added.length === 0) return;
      const byId = new Map([...entries, ...added].map((entry) => [entry.id, entry]));
      const all = newestFirst(byId.values());
      const evicted = all.slice(limit).map(({ id }) => id);
      show(all.slice(0, limit));
      write({ put: added.filter(({ id }) => !evicted.includes(id)), remove: evicted });
    },
    remove: (...ids) => remove(ids),
    removeAll: () => remove(entries.map(({ id }) => id)),
    onChange(listener, signal) {
      listeners.add(listener);
      signal?.addEventListener('abort', () => listeners.delete(listener));
    },
    async settled() {
      for (let before = -1; before !== asked;) {
        before = asked;
        await queue;
      }
    },
    close() {
      channel?.close();
      storage?.close();
      listeners.clear();
    },
  };
}

function isQuota(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'QuotaExceededError';
}

/**
 * The history of this browser and this service: one for the page, which every part of it is given. Call once. A service
 * below another path of the same origin has a history of its own.
 */
export function openBrowserHistory(): History {
  const name = `quintet:${new URL('.', document.baseURI).pathname}`;
  return createHistory({
    // Some browsers do not have it in private windows at all, and some throw where others reject.
    open: async () => openHistoryStorage(name),
    channel: 'BroadcastChannel' in window ? new BroadcastChannel(name) : undefined,
  });
}
