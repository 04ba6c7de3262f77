/** A shared result: the job of `#/jobs/ID`, as it stands and until it has ended. */
import { readEvents } from '../api/event-stream.js';
import { request } from '../api/request.js';
import { isFinal, type Job } from '../api/types.js';
import { h } from '../app/dom.js';
import { icon } from '../app/icons.js';
import { pictureNotes, readSharedPicture, whyNoResult, type History } from '../parts/index.js';
import { sendCorrection } from './corrections.js';
import { failureNote } from './failure-note.js';
import { toFailure } from './failure.js';
import type { Item } from './item.js';
import { resultCard } from './result-card.js';

export interface JobViewOptions {
  readonly id: string;
  /** What the link has of the picture; of a result of this browser's own, that goes before it. */
  readonly picture?: string | undefined;
  readonly signal: AbortSignal;
  /** Where this browser made the result itself, it has a small picture of it. */
  readonly history: History;
}

/** Fills `host`, and keeps it up to date until `signal` is aborted. */
export async function jobView(host: HTMLElement, { id, picture, signal, history }: JobViewOptions): Promise<void> {
  const card = resultCard({
    cancel: () => void request(`v1/jobs/${id}`, { method: 'DELETE' }).catch(() => undefined),
    retry: () => undefined,
    hurry: () => undefined,
    explain: () => undefined,
    onToggle: () => undefined,
    isExplainable: () => false,
    startsExplained: false,
    correct: async (_, correction) => {
      current = await sendCorrection(id, correction, history);
      return current;
    },
    thumbnail: () => history.find(id)?.thumbnail ?? ofLink,
  });
  const title = h('h1', { className: 'view-title' }, 'A result');
  const back = h(
    'p',
    { className: 'after-note' },
    h('a', { className: 'button', href: '#/' }, icon('back'), 'Classify a picture'),
  );
  let current: Job | undefined;
  let thumbnail: string | undefined;
  const show = (): void => {
    if (current !== undefined) card.show(itemOf(current, history.find(id)?.name, thumbnail));
  };
  const shared = picture === undefined ? undefined : readSharedPicture(picture);
  const ofLink = shared?.kind === 'picture' ? shared.jpeg : undefined;
  const note = h('p', { className: 'quiet small after-note' });
  const findPicture = (): void => {
    const own = history.find(id)?.thumbnail;
    if (own !== undefined && !isOwn) {
      forget();
      isOwn = true;
    }
    const blob = own ?? ofLink;
    if (blob !== undefined) thumbnail ??= URL.createObjectURL(blob);
    note.textContent = shared === undefined || own !== undefined ? '' : pictureNotes[shared.kind];
  };
  const forget = (): void => {
    if (thumbnail !== undefined) URL.revokeObjectURL(thumbnail);
    thumbnail = undefined;
  };
  let isOwn = false;
  history.onChange(() => {
    findPicture();
    show();
  }, signal);
  signal.addEventListener('abort', forget);
  findPicture();

  host.append(title);
  try {
    current = await request<Job>(`v1/jobs/${id}`, { signal });
    show();
    host.append(card.element, note, back);
    card.heading.focus({ preventScroll: true });
    if (isFinal(current.status)) return;
    await readEvents(`v1/jobs/${id}/events`, {
      signal,
      onEvent: ({ data }) => {
        current = JSON.parse(data) as Job;
        show();
        return isFinal(current.status) ? 'stop' : undefined;
      },
    });
  } catch (error) {
    if (signal.aborted) return;
    card.element.remove();
    note.remove();
    const failure = toFailure(error);
    const why = whyNoResult(failure.code);
    title.textContent = why?.title ?? 'This result cannot be shown';
    host.append(why === undefined ? failureNote(failure) : h('p', { className: 'quiet' }, why.text), back);
  }
}

function itemOf(job: Job, name: string | undefined, preview: string | undefined): Item {
  return {
    id: job.id,
    name: name ?? `Job ${job.id.slice(0, 8)}`,
    source: { kind: 'gone' },
    ...(preview === undefined ? {} : { preview }),
    explain: false,
    state: { kind: 'job', job },
    chosenAt: 0,
  };
}
