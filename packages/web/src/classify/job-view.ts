/** A shared result: the job of `#/jobs/ID`, as it stands and until it has ended. */
import { readEvents } from '../api/event-stream.js';
import { request } from '../api/request.js';
import { isFinal, type Job } from '../api/types.js';
import { h } from '../app/dom.js';
import { failureNote } from './failure-note.js';
import { toFailure } from './failure.js';
import type { Item } from './item.js';
import { resultCard } from './result-card.js';

/** Fills `host`, and keeps it up to date until `signal` is aborted. */
export async function jobView(host: HTMLElement, id: string, signal: AbortSignal): Promise<void> {
  const card = resultCard({
    cancel: (path) => void request(`v1/jobs/${path}`, { method: 'DELETE' }).catch(() => undefined),
    retry: () => undefined,
    hurry: () => undefined,
    explain: () => undefined,
    onToggle: () => undefined,
    isExplainable: () => false,
    startsExplained: false,
  });
  const show = (job: Job): void => {
    card.show(itemOf(job));
  };
  host.append(h('h1', { className: 'view-title' }, 'A shared result'));
  try {
    const job = await request<Job>(`v1/jobs/${id}`, { signal });
    host.append(card.element);
    show(job);
    card.heading.focus({ preventScroll: true });
    if (isFinal(job.status)) return;
    await readEvents(`v1/jobs/${id}/events`, {
      signal,
      onEvent: ({ data }) => {
        const next = JSON.parse(data) as Job;
        show(next);
        return isFinal(next.status) ? 'stop' : undefined;
      },
    });
  } catch (error) {
    if (signal.aborted) return;
    card.element.remove();
    host.append(
      failureNote(toFailure(error)),
      h('p', { className: 'after-note' }, h('a', { href: '#/' }, 'Classify a picture')),
    );
  }
}

function itemOf(job: Job): Item {
  return {
    id: job.id,
    name: `Job ${job.id.slice(0, 8)}`,
    source: { kind: 'gone' },
    explain: false,
    state: { kind: 'job', job },
    chosenAt: 0,
  };
}
