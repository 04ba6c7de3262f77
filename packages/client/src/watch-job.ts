/**
 * The states of a job, over however many connections it takes.
 *
 * connecting → streaming → ended (a final state came, or 204: it had come before), or cut: the connection broke, the service stopped,
 * or nothing came for three of its heartbeats. A cut stream is taken up again with `Last-Event-ID`, on whichever process
 * answers, and tells what is current. Given up when no connection has worked for `retrySeconds`.
 */
import { QuintetError } from './errors.js';
import { sleep, startDeadline } from './http/abortable.js';
import { parseEvents } from './http/event-stream.js';
import { cut, Failures } from './http/failures.js';
import type { Requester } from './http/requester.js';
import { hasEnded, type Job } from './types.js';

/** The service's heartbeat comes every 15 s. */
const silenceMs = 45_000;

export interface WatchOptions {
  readonly signal?: AbortSignal | undefined;
  readonly retrySeconds: number;
}

export async function* watchJob(
  requester: Requester,
  path: string,
  { signal, retrySeconds }: WatchOptions,
): AsyncGenerator<Job, void, undefined> {
  let lastEventId: string | undefined;
  let reconnectMs = 1000;
  const failures = new Failures(retrySeconds);
  for (;;) {
    const deadline = startDeadline(silenceMs, signal);
    try {
      const last = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
      const headers = { accept: 'text/event-stream', ...last };
      const response = await requester.open({ path, headers, signal: deadline.signal });
      if (response.status === 204 || response.body === null) return;
      const onRetry = (ms: number): void => {
        reconnectMs = Math.min(ms, 30_000);
      };
      for await (const { id, data } of parseEvents(response.body, deadline.restart, onRetry)) {
        failures.clear();
        lastEventId = id;
        const job = JSON.parse(data) as Job;
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
