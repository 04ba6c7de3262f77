/** Jobs that were submitted: one by its id, as it is, once it has ended or as it changes, and the list of all. */
import { QuintetError } from './errors.js';
import { sleep, startDeadline } from './http/abortable.js';
import { chunksOf } from './http/fetch-like.js';
import type { Requester } from './http/requester.js';
import { cut, Failures } from './http/retries.js';
import { parseEvents } from './http/streams.js';
import { hasEnded, type Job, type JobPage, type JobStatus } from './types.js';

/** The longest that one request waits: well below what proxies allow. */
export const waitSeconds = 30;

export interface CallOptions {
  /** Ends the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Over that of the client. */
  readonly retrySeconds?: number | undefined;
}

export interface GetJob extends CallOptions {
  /** Seconds that the service may wait for the job's end before it answers; 0 by default. */
  readonly wait?: number | undefined;
}

export function jobPath(id: string): string {
  return `/v1/jobs/${encodeURIComponent(id)}`;
}

export function getJob(requester: Requester, id: string, { wait = 0, ...options }: GetJob): Promise<Job> {
  const headers: Record<string, string> = wait === 0 ? {} : { prefer: `wait=${wait}` };
  return requester.json<Job>({ path: jobPath(id), headers, waitSeconds: wait, ...options });
}

/** The job as it ended, however long that takes. */
export async function waitForJob(requester: Requester, id: string, signal?: AbortSignal): Promise<Job> {
  for (;;) {
    const job = await getJob(requester, id, { wait: waitSeconds, signal });
    if (hasEnded(job)) return job;
  }
}

export interface ListJobs extends CallOptions {
  /** Only those with this status. */
  readonly status?: JobStatus | undefined;
  /** How many at most; all by default. */
  readonly limit?: number | undefined;
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

/** The service's heartbeat comes every 15 s. */
const silenceMs = 45_000;

/**
 * The states of a job, over however many connections it takes.
 *
 * connecting → streaming → ended (a final state came, or 204: it had come before), or cut: the connection broke, the
 * service stopped, or nothing came for three of its heartbeats. A cut stream is taken up again with `Last-Event-ID`, on
 * whichever process answers, and tells what is current. Given up when no connection has worked for `retrySeconds`.
 */
export async function* watchJob(
  requester: Requester,
  id: string,
  { signal, retrySeconds }: CallOptions & { readonly retrySeconds: number },
): AsyncGenerator<Job, void, undefined> {
  let lastEventId: string | undefined;
  let reconnectMs = 1000;
  const failures = new Failures(retrySeconds);
  for (;;) {
    const deadline = startDeadline(silenceMs, signal);
    try {
      const last = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
      const headers = { accept: 'text/event-stream', ...last };
      const response = await requester.open({ path: `${jobPath(id)}/events`, headers, signal: deadline.signal });
      if (response.status === 204 || response.body === null) return;
      const onRetry = (ms: number): void => {
        reconnectMs = Math.min(ms, 30_000);
      };
      for await (const event of parseEvents(chunksOf(response.body), deadline.restart, onRetry)) {
        failures.clear();
        lastEventId = event.id;
        const job = JSON.parse(event.data) as Job;
        yield job;
        if (hasEnded(job)) return;
      }
      await sleep(reconnectMs, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof SyntaxError) throw new QuintetError('answer_unreadable', 'An event holds no JSON.');
      await sleep(failures.delayAfter(cut(error, 'The event stream was cut.')), signal);
    } finally {
      deadline.abort();
      deadline.clear();
    }
  }
}
