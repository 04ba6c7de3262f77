/**
 * Puts results into this browser's history as they come, each with a small picture. One picture is read at a time, so that a
 * folder of thousands does not take the memory that its cards need; what belongs together is written together.
 *
 * The other way round, a run that goes on after a reload gets the small pictures of what it has classified before.
 */
import { isFinal, type Job } from '../api/types.js';
import { makeThumbnail, type History, type HistoryEntry } from '../parts/index.js';
import { jobOf, type Item } from './item.js';
import type { ItemStore } from './store.js';

const groupMs = 300;
/** How long before a reload a result may have come and not been put there. */
const reloadMs = 10_000;

export function keepHistory(store: ItemStore, history: History): void {
  const seen = new Set<string>();
  const line: Item[] = [];
  /** The job that stands for an item there: tried again, or asked why, it is another one, and takes its place. */
  const placed = new Map<string, string>();
  let isWorking = false;

  const work = async (): Promise<void> => {
    isWorking = true;
    // What is known already is known with its picture, which a run that goes on after a reload has not.
    await history.settled();
    let group: HistoryEntry[] = [];
    let since = performance.now();
    for (let item = line.shift(); item !== undefined; item = line.shift()) {
      const entry = await entryOf(item);
      if (entry !== undefined) {
        const earlier = placed.get(item.id);
        if (earlier !== undefined) history.remove(earlier);
        placed.set(item.id, entry.id);
        if (history.find(entry.id) === undefined) group.push(entry);
      }
      if (line.length > 0 && performance.now() - since < groupMs) continue;
      history.add(...group);
      group = [];
      since = performance.now();
    }
    isWorking = false;
  };
  const lendPictures = (items: readonly Item[]): void => {
    for (const item of items) {
      if (item.source.kind !== 'gone' || item.preview !== undefined) continue;
      const thumbnail = history.find(jobOf(item)?.id ?? '')?.thumbnail;
      if (thumbnail !== undefined) store.update(item.id, { preview: URL.createObjectURL(thumbnail) });
    }
  };
  history.onChange(() => {
    lendPictures(store.all());
  });
  store.onChange((changed) => {
    lendPictures([...changed].flatMap((id) => store.get(id) ?? []));
    for (const id of changed) {
      const item = store.get(id);
      const job = item === undefined ? undefined : jobOf(item);
      if (item === undefined || job === undefined || seen.has(job.id)) continue;
      if (!isFinal(job.status) || job.status === 'canceled' || isOld(item, job)) continue;
      seen.add(job.id);
      line.push(item);
    }
    if (!isWorking && line.length > 0) void work();
  });
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
