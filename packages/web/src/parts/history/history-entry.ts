/** One line of this browser's history. */
import type { Job } from '../../api/types.js';

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
