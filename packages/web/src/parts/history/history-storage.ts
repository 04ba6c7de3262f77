/**
 * Where history is kept between visits: one IndexedDB store, an entry a record. Nothing is read or opened at import.
 *
 * Browsers refuse it in their own ways (private windows, blocked site data, a full disk): at opening, or at any later use. All
 * of it arrives as a rejection here, and what follows from it is decided in history.ts.
 */
import type { Job } from '@quintet/client';

export interface HistoryEntry {
  /** The job's id. */
  readonly id: string;
  /** What the picture was called: a file's name, or its address. */
  readonly name: string;
  /** Unix milliseconds. */
  readonly savedAt: number;
  readonly job: Job;
  /** Of 160 px at most; absent where this browser cannot show the picture, or was not given it. */
  readonly thumbnail?: Blob | undefined;
}

/** Newest first; of the same moment, by id, so that every tab has them in one order. */
export function newestFirst(entries: Iterable<HistoryEntry>): HistoryEntry[] {
  return [...entries].sort((a, b) => b.savedAt - a.savedAt || (a.id < b.id ? -1 : 1));
}

export interface HistoryStorage {
  load(): Promise<HistoryEntry[]>;
  /** Both in one transaction: after a failure neither has happened. */
  write(change: { readonly put?: readonly HistoryEntry[]; readonly remove?: readonly string[] }): Promise<void>;
  close(): void;
}

const version = 1;
const store = 'entries';

/** `name` tells apart services that are served from one origin. */
export async function openHistoryStorage(name: string, factory: IDBFactory = indexedDB): Promise<HistoryStorage> {
  const opening = factory.open(name, version);
  opening.addEventListener('upgradeneeded', () => {
    opening.result.createObjectStore(store, { keyPath: 'id' });
  });
  const database = await settled(opening);
  // A later version of this page, in another tab, cannot open it before all others have let go.
  database.addEventListener('versionchange', () => {
    database.close();
  });

  return {
    load: () => settled(database.transaction(store).objectStore(store).getAll() as IDBRequest<HistoryEntry[]>),
    write({ put = [], remove = [] }) {
      const transaction = database.transaction(store, 'readwrite');
      const entries = transaction.objectStore(store);
      for (const id of remove) entries.delete(id);
      for (const entry of put) entries.put(entry);
      return new Promise((resolve, reject) => {
        transaction.addEventListener('complete', () => {
          resolve();
        });
        // Where it is the disk that is full, the error is the transaction's, and no request's.
        transaction.addEventListener('abort', () => {
          reject(transaction.error ?? new DOMException('The transaction was aborted.', 'AbortError'));
        });
      });
    },
    close() {
      database.close();
    },
  };
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => {
      resolve(request.result);
    });
    request.addEventListener('error', () => {
      reject(request.error ?? new DOMException('The request failed.', 'UnknownError'));
    });
  });
}
