/** A shared result: the job of `#/jobs/ID`. */
import { request } from '../api/request.js';
import type { Job } from '../api/types.js';
import { h } from '../app/dom.js';

/** Fills `host`, and keeps it up to date until `signal` is aborted. */
export async function jobView(host: HTMLElement, id: string, signal: AbortSignal): Promise<void> {
  const job = await request<Job>(`v1/jobs/${id}`, { signal });
  host.append(h('h1', {}, job.predictions?.[0]?.label ?? job.status));
}
