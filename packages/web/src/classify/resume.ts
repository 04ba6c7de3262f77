/**
 * A run outlives a reload of the page: the jobs go on in the service, and their ids are kept for this tab. Pictures that were not
 * sent yet are lost with the page that had their bytes; how many they were is kept, so that the person is told.
 */
import type { Job } from '@quintet/client';
import { jobOf, phaseOf, type Item } from './item.js';

export interface Remembered {
  readonly jobs: readonly {
    readonly item: string;
    readonly name: string;
    readonly job: Job;
    readonly explain: boolean;
  }[];
  readonly unsent: number;
}

type SessionStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const entry = 'quintet.run';

/** Keeps what is needed of `items`; nothing where there are none. */
export function remember(storage: SessionStorage, items: readonly Item[]): void {
  const jobs = items.flatMap((item) => {
    const job = jobOf(item);
    return job === undefined ? [] : [{ item: item.id, name: item.name, job, explain: item.explain }];
  });
  const unsent = items.filter((item) => {
    const phase = phaseOf(item);
    return jobOf(item) === undefined && (phase === 'waiting' || phase === 'busy');
  }).length;
  try {
    if (jobs.length + unsent === 0) storage.removeItem(entry);
    else storage.setItem(entry, JSON.stringify({ jobs, unsent } satisfies Remembered));
  } catch {
    // Full, or not allowed: a reload begins anew then.
  }
}

/** What the page before this one has left, or undefined. */
export function recall(storage: SessionStorage): Remembered | undefined {
  try {
    const text = storage.getItem(entry);
    if (text === null) return undefined;
    const value = JSON.parse(text) as Partial<Remembered>;
    return Array.isArray(value.jobs) && typeof value.unsent === 'number' ? (value as Remembered) : undefined;
  } catch {
    return undefined;
  }
}
