/** "From code": what the page has just asked, as JSON and as programs, each with a button that copies it. */
import type { Job } from '@quintet/client';
import { h } from '../../app/dom.js';
import { copyButton } from '../controls/copy-button.js';
import { tabs, type Tab } from '../controls/tabs.js';
import { jsonText } from './quote.js';
import { keyNote, snippetLanguages, type SnippetRequest } from './snippets.js';

export interface SnippetsOptions {
  readonly request: SnippetRequest;
  /** The answer, shown first; without it there are programs only. */
  readonly job?: Job | undefined;
}

/** Adds the tabs to `host`. */
export function snippetsView(host: HTMLElement, { request, job }: SnippetsOptions): void {
  const programs = snippetLanguages.map(({ id, title, note, write }): Tab => {
    const notes = request.needsKey ? [note, keyNote] : [note];
    return { id, title, panel: () => panel(write(request), notes, title) };
  });
  const answer: Tab[] =
    job === undefined
      ? []
      : [
          {
            id: 'json',
            title: 'JSON',
            panel: () => panel(`${jsonText(job, 2)}\n`, ['The job, as the service tells it.'], 'JSON'),
          },
        ];
  host.append(tabs('From code', [...answer, ...programs]));
}

function panel(code: string, notes: readonly string[], title: string): Node[] {
  const text = h('code', {}, code);
  // Long lines are scrolled, which the keyboard has to reach, too.
  const block = h('pre', { className: 'snippet', tabIndex: 0, role: 'region', ariaLabel: `${title}, the text` }, text);
  const copy = copyButton({ label: 'Copy', text: () => code, select: () => getSelection()?.selectAllChildren(text) });
  return [
    h('div', { className: 'snippet-box' }, copy, block),
    ...notes.map((note) => h('p', { className: 'quiet small' }, note)),
  ];
}
