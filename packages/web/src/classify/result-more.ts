/** Below a result: what is wrong with it, the link to it, and how to do the same from code. */
import { storedKey } from '../api/key.js';
import type { Job } from '../api/types.js';
import { h } from '../app/dom.js';
import { headlineOf } from '../app/score.js';
import { shareView, snippetsView, wrongView, type CorrectionRequest, type SnippetRequest } from '../parts/index.js';
import { labelsOf } from './corrections.js';
import { failureNote } from './failure-note.js';
import { toFailure } from './failure.js';
import { jobOf, type Item } from './item.js';

export interface MoreActions {
  /** Says what the picture of the item really shows; undefined takes it back. */
  readonly correct: (item: Item, correction: CorrectionRequest | undefined) => Promise<Job>;
  /** A small picture that this browser has kept of a result. */
  readonly thumbnail: (job: string) => Blob | undefined;
}

/** Returns what it is given later states of the job by. */
export function resultMore(host: HTMLElement, item: Item, { correct, thumbnail }: MoreActions): (job: Job) => void {
  const job = jobOf(item);
  if (job === undefined) return () => undefined;
  const first = job.predictions?.[0];
  const { source, model, explain, name } = item;
  const update = wrongView(host, {
    job,
    save: (correction) => correct(item, correction),
    labels: () => labelsOf(job.model.name),
    explain: (error) => failureNote(toFailure(error)),
  });
  const needsKey = storedKey() !== undefined;
  const share = h('section', { ariaLabel: 'Share' }, h('h3', {}, 'Link to this result'));
  shareView(share, {
    id: job.id,
    label: first === undefined ? undefined : headlineOf(first),
    needsKey,
    picture: () => (source.kind === 'file' ? source.blob : thumbnail(job.id)),
  });
  const request: SnippetRequest = {
    baseUrl: new URL('.', document.baseURI).href,
    picture: source.kind === 'url' ? { url: source.url } : { name: source.kind === 'file' ? name : 'photo.jpg' },
    options: { model, explain: explain || undefined },
    needsKey,
  };
  const code = h('div', { className: 'code-area' });
  const details = h('details', { className: 'code' }, h('summary', {}, 'How to do this from code'), code);
  // Six programs are not written for whoever does not ask.
  details.addEventListener(
    'toggle',
    () => {
      snippetsView(code, { request, job });
    },
    { once: true },
  );
  host.append(share, details);
  return update;
}
