/**
 * A client's jobs, a page at a time. Its own and nobody else's, also where its key may read others': an admin that looks for its
 * job of a minute ago would not find it among everybody's.
 *
 * A page costs the same however many jobs there are: those with another status than the one that is asked for are passed over, and
 * after `mostLooks` entries the page ends, with what it has and the cursor behind the last entry that was looked at. So a page
 * may be short, or empty; only one without a cursor is the last.
 * Reading ends no job. How far an unfinished one is comes from the snapshot that all readers share (queue-positions.ts).
 */
import { hasOutcome, presentJob, type Job, type JobList, type JobStatus, type StoredJob } from '@quintet/shared';
import type { Client } from './client.js';
import type { QueuePositions } from './queue-positions.js';

export interface ListContext {
  readonly list: Pick<JobList, 'read'>;
  readonly positions: Pick<QueuePositions, 'snapshot'>;
}

export interface JobsQuery {
  /** Any where it is absent. */
  readonly status?: JobStatus | undefined;
  readonly limit: number;
  /** The place in the list that the page is behind. */
  readonly after?: string | undefined;
}

export interface JobPage {
  readonly jobs: readonly Job[];
  /** There where there is more, or may be. */
  readonly next?: string;
}

/** Entries read at once, at least; a record takes some 50 µs to read. */
const leastRead = 25;
const mostLooks = 500;

/** The jobs of `client`, those accepted last first. */
export async function listJobs(context: ListContext, query: JobsQuery, client: Client): Promise<JobPage> {
  const { status, limit } = query;
  const found: Job[] = [];
  let [looks, place, lastFound] = [0, query.after, query.after];
  for (;;) {
    // One more than asked for, as only that says whether there is a next page.
    const count = Math.max(leastRead, limit + 1 - found.length);
    const entries = await context.list.read(client.name, place, count);
    for (const entry of entries) {
      const job = entry.stored === undefined ? undefined : await present(context, entry.stored);
      if (job !== undefined && (status === undefined || job.status === status)) {
        if (found.length === limit) return page(found, lastFound);
        found.push(job);
        lastFound = entry.place;
      }
      place = entry.place;
    }
    if (entries.length < count) return page(found);
    looks += entries.length;
    if (looks >= mostLooks) return page(found, place);
  }
}

const page = (jobs: readonly Job[], next?: string): JobPage => ({ jobs, ...(next === undefined ? {} : { next }) });

async function present({ positions }: ListContext, stored: StoredJob): Promise<Job> {
  const { record } = stored;
  if (hasOutcome(stored)) return presentJob(record, stored);
  const snapshot = await positions.snapshot(record.model.name);
  if (snapshot.isActive(record.id)) return presentJob(record, { progress: { status: 'processing' } });
  const queue = snapshot.place(snapshot.position(record.id) ?? snapshot.known);
  return presentJob(record, { progress: { status: 'queued', queue } });
}
