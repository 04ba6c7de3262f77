/** Below a result: the link to it, and how to do the same from code. */
import { storedKey } from '../api/key.js';
import { h } from '../app/dom.js';
import { headlineOf } from '../app/score.js';
import { shareView, snippetsView, type SnippetRequest } from '../parts/index.js';
import { jobOf, type Item } from './item.js';

export function resultMore(host: HTMLElement, item: Item): void {
  const job = jobOf(item);
  if (job === undefined) return;
  const first = job.predictions?.[0];
  const needsKey = storedKey() !== undefined;
  const share = h('section', { ariaLabel: 'Share' }, h('h3', {}, 'Link to this result'));
  shareView(share, { id: job.id, label: first === undefined ? undefined : headlineOf(first), needsKey });
  const { source, model, explain, name } = item;
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
}
