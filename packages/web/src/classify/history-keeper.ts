/**
 * Puts results into this browser's history as they come, each with a small picture. One picture is read at a time, so that a
 * folder of thousands does not take the memory that its cards need; what belongs together is written together. A picture that
 * was sent again (to be explained, or after a failure) keeps its one line, with the later job.
 */
import { hasEnded, type Job } from '@quintet/client';
import type { HistoryEntry } from '../parts/history/history-storage.js';
import type { History } from '../parts/history/history.js';
import { makeThumbnail } from '../parts/history/thumbnail.js';
import { jobOf, type Item } from './item.js';
import type { ItemStore } from './store.js';

const groupMs = 300;
/** How long before a reload a result may have come and not been put there. */
const reloadMs = 10_000;

export interface HistoryKeeper {
  /** Whether the item has its line, or had one: nobody waits for it. */
  readonly hasKept: (item: string) => boolean;
}

export function keepHistory(store: ItemStore, history: History): HistoryKeeper {
  const seen = new Map<string, string>();
  const kept = new Map<string, string>();
  const line: Item[] = [];
  let isWorking = false;

  const work = async (): Promise<void> => {
    isWorking = true;
    // What is known already is known with its picture, which a run that goes on after a reload has not.
    await history.settled();
    let group: HistoryEntry[] = [];
    let replaced: string[] = [];
    let since = performance.now();
    for (let item = line.shift(); item !== undefined; item = line.shift()) {
      const entry = await entryOf(item);
      if (entry !== undefined && history.find(entry.id) === undefined) {
        const earlier = kept.get(item.id);
        if (earlier !== undefined) replaced.push(earlier);
        group.push(entry);
      }
      if (entry !== undefined) kept.set(item.id, entry.id);
      if (line.length > 0 && performance.now() - since < groupMs) continue;
      if (replaced.length > 0) history.remove(...replaced);
      if (group.length > 0) history.add(...group);
      group = [];
      replaced = [];
      since = performance.now();
    }
    isWorking = false;
  };
  store.onChange((changed) => {
    for (const id of changed) {
      const item = store.get(id);
      const job = item === undefined ? undefined : jobOf(item);
      if (item === undefined || job === undefined || seen.get(id) === job.id) continue;
      if (!hasEnded(job) || job.status === 'canceled' || isOld(item, job)) continue;
      seen.set(id, job.id);
      line.push(item);
    }
    if (!isWorking && line.length > 0) void work();
  });
  return { hasKept: (item) => kept.has(item) };
}

/** Of a run that goes on after a reload, and put there before it; where it is not any more, somebody has deleted it. */
function isOld({ source }: Item, { finished_at }: Job): boolean {
  return (
    source.kind === 'gone' && finished_at !== undefined && Date.parse(finished_at) < performance.timeOrigin - reloadMs
  );
}

async function entryOf(item: Item): Promise<HistoryEntry | undefined> {
  const job = jobOf(item);
  if (job === undefined) return undefined;
  const thumbnail = item.source.kind === 'file' ? await makeThumbnail(item.source.blob) : undefined;
  const savedAt = Date.parse(job.finished_at ?? job.created_at);
  return { id: job.id, name: item.name, savedAt, job, ...(thumbnail === undefined ? {} : { thumbnail }) };
}
