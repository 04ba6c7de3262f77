/** A shared result: the job of `#/jobs/ID`, as it stands and until it has ended. */
import { hasEnded, type Job } from '@quintet/client';
import { silentSeconds } from '../api/connection.js';
import { failureNote, toFailure } from '../api/failure.js';
import { service } from '../api/service.js';
import { h } from '../app/dom.js';
import { icon } from '../app/icons.js';
import { pictureNotes, whyNoResult } from '../parts/share/share-view.js';
import { readSharedPicture } from '../parts/share/shared-picture.js';
import { sendCorrection } from './corrections.js';
import type { Item } from './item.js';
import { resultCard } from './result-card.js';
import { itemTitle } from './texts.js';
import type { PageParts } from './view.js';

export interface JobViewOptions {
  readonly id: string;
  /** What the link has of the picture; of a result of this browser's own, that goes before it. */
  readonly picture?: string | undefined;
  readonly signal: AbortSignal;
  /** Where this browser made the result itself, its history has a small picture of it. */
  readonly parts: Pick<PageParts, 'history' | 'served' | 'title'>;
}

/** Fills `host`, and keeps it up to date until `signal` is aborted. */
export async function jobView(host: HTMLElement, { id, picture, signal, parts }: JobViewOptions): Promise<void> {
  const { history, served } = parts;
  const card = resultCard({
    cancel: () =>
      void service()
        .cancel(id)
        .catch(() => undefined),
    retry: () => undefined,
    hurry: () => undefined,
    explain: () => undefined,
    onToggle: () => undefined,
    preprocessOf: (model) => served.find(model)?.preprocess,
    isExplainable: () => false,
    startsExplained: false,
    correct: async (_, correction) => {
      current = await sendCorrection(id, correction, history);
      return current;
    },
    thumbnail: () => history.find(id)?.thumbnail ?? ofLink,
  });
  const headline = h('h1', { className: 'view-title' }, 'A result');
  const back = h(
    'p',
    { className: 'after-note' },
    h('a', { className: 'button', href: '#/' }, icon('back'), 'Classify a picture'),
  );
  let current: Job | undefined;
  let heardAt = 0;
  let thumbnail: string | undefined;
  const show = (): void => {
    if (current === undefined) return;
    const item = itemOf(current, heardAt, history.find(id)?.name, thumbnail);
    card.show(item);
    parts.title(itemTitle(item, silentSeconds() !== undefined));
  };
  const hear = (job: Job): void => {
    current = job;
    heardAt = performance.now();
    show();
  };
  served.onChange(show, signal);
  // What counts down, and for how long the service has not answered.
  const ticking = window.setInterval(() => {
    if (current !== undefined && !hasEnded(current)) show();
  }, 1000);
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
  signal.addEventListener('abort', () => {
    window.clearInterval(ticking);
    forget();
  });
  findPicture();

  host.append(headline);
  try {
    const job = await service().get(id, { signal });
    hear(job);
    host.append(card.element, note, back);
    card.heading.focus({ preventScroll: true });
    if (hasEnded(job)) return;
    for await (const next of service().events(id, { retrySeconds: Infinity, signal })) hear(next);
  } catch (error) {
    if (signal.aborted) return;
    card.element.remove();
    note.remove();
    const failure = toFailure(error);
    const why = whyNoResult(failure.code);
    headline.textContent = why?.title ?? 'This result cannot be shown';
    parts.title(headline.textContent);
    host.append(why === undefined ? failureNote(failure) : h('p', { className: 'quiet' }, why.text), back);
  }
}

function itemOf(job: Job, stateAt: number, name: string | undefined, preview: string | undefined): Item {
  return {
    id: job.id,
    name: name ?? `Job ${job.id.slice(0, 8)}`,
    source: { kind: 'gone' },
    ...(preview === undefined ? {} : { preview }),
    explain: false,
    state: { kind: 'job', job },
    stateAt,
    chosenAt: 0,
  };
}
