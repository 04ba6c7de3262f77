/**
 * "How to do this from code": the request that the page has just made, as somebody else's program would make it.
 *
 * Each snippet runs as it stands, in the folder where the picture is, and prints what it got; nothing has to be installed
 * first, which is why Python's is the standard library and not `requests`. A key never stands in one: it is read from the
 * environment, because snippets are pasted into chats and repositories.
 */
import { javaScriptSnippet } from './javascript-snippet.js';
import { pythonSnippet } from './python-snippet.js';
import type { SnippetRequest } from './request.js';
import { curlSnippet, quintetSnippet } from './shell-snippets.js';

export interface SnippetLanguage {
  readonly id: string;
  readonly title: string;
  /** What it needs, in a line. */
  readonly note: string;
  readonly write: (request: SnippetRequest) => string;
}

export const snippetLanguages: readonly SnippetLanguage[] = [
  { id: 'curl', title: 'curl', note: 'For sh, bash and zsh; curl 7.76 or newer.', write: curlSnippet },
  {
    id: 'javascript',
    title: 'JavaScript',
    note: 'Node 20 or newer, nothing to install. Save it as classify.mjs, then: node classify.mjs',
    write: javaScriptSnippet,
  },
  {
    id: 'python',
    title: 'Python',
    note: 'Python 3.8 or newer, its standard library only. Save it as classify.py, then: python3 classify.py',
    write: pythonSnippet,
  },
  {
    id: 'quintet',
    title: 'quintet',
    note: "This project's own command: also for folders and many pictures at once, as a table, JSON or CSV.",
    write: quintetSnippet,
  },
];

/** How a key is given to each of them. */
export const keyNote = 'Put your key into the environment first: export QUINTET_API_KEY=…';
