/** The jobs of a client, newest first, over all pages. */
import type { Requester } from './http/requester.js';
import type { Job, JobPage, JobStatus } from './types.js';

export interface ListJobs {
  /** Only those with this status. */
  readonly status?: JobStatus | undefined;
  /** How many at most; all by default. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Over that of the client. */
  readonly retrySeconds?: number | undefined;
}

/** What the service gives at most. */
const mostPerPage = 100;

/** A page is asked for when the loop comes to it. Jobs that are submitted meanwhile are not among them. */
export async function* listJobs(
  requester: Requester,
  { status, limit = Infinity, signal, retrySeconds }: ListJobs,
): AsyncGenerator<Job, void, undefined> {
  let cursor: string | undefined;
  for (let left = limit; left > 0;) {
    const query = new URLSearchParams({ limit: String(Math.min(left, mostPerPage)) });
    if (status !== undefined) query.set('status', status);
    if (cursor !== undefined) query.set('cursor', cursor);
    const page = await requester.json<JobPage>({ path: `/v1/jobs?${query.toString()}`, signal, retrySeconds });
    left -= page.jobs.length;
    yield* page.jobs;
    cursor = page.next_cursor;
    if (cursor === undefined) return;
  }
}
