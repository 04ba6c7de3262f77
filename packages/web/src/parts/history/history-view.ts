/**
 * The list of this browser's results: opened by a click, deleted one by one or all, which a toast takes back.
 *
 * Items are kept by id and only moved, so that a change that comes from another tab takes neither the focus nor the pictures.
 */
import { h } from '../../app/dom.js';
import type { Toasts } from '../controls/toast.js';
import { historyItem, type HistoryItem } from './history-item.js';
import type { HistoryEntry } from './history-storage.js';
import type { History } from './history.js';

export interface HistoryViewOptions {
  readonly history: History;
  readonly toasts: Toasts;
  /** Ends listening, and lets go of the pictures. */
  readonly signal?: AbortSignal | undefined;
}

/** So many are shown before "Show all". */
const shortLength = 8;
const tickMs = 30_000;

export function historyView(host: HTMLElement, { history, toasts, signal }: HistoryViewOptions): void {
  const items = new Map<string, HistoryItem>();
  let isLong = false;

  const title = h('h2', { tabIndex: -1 }, 'Earlier in this browser');
  const removeAll = h('button', { type: 'button', className: 'plain' }, 'Delete all');
  const list = h('ol', { className: 'history-list' });
  const more = h('button', { type: 'button', className: 'plain history-more' });
  const note = h('p', { className: 'quiet small history-note', role: 'status' });
  const section = h('section', { className: 'history' }, h('header', { className: 'history-head' }, title, removeAll));
  section.append(list, more, note);
  section.setAttribute('aria-label', 'Earlier in this browser');
  host.append(section);

  const takeBack = (removed: readonly HistoryEntry[]): void => {
    const [only] = removed;
    if (only === undefined) return;
    const text = removed.length === 1 ? `Deleted ${only.name}.` : `Deleted ${removed.length} results.`;
    const run = (): void => {
      history.add(...removed);
    };
    toasts.show({ text, action: { label: 'Undo', run } });
  };

  const removeOne = (item: HistoryItem): void => {
    // The focus goes to what takes the place of the deleted one.
    const place = [...list.children].indexOf(item.element);
    takeBack(history.remove(item.entry.id));
    const shown = [...list.children];
    const next = shown[Math.min(place, shown.length - 1)]?.querySelector('button');
    (next ?? title).focus();
  };

  const itemOf = (entry: HistoryEntry): HistoryItem => {
    const present = items.get(entry.id);
    if (present !== undefined && isSame(present.entry, entry)) return present;
    present?.dispose();
    present?.element.remove();
    const item: HistoryItem = historyItem(entry, () => {
      removeOne(item);
    });
    items.set(entry.id, item);
    return item;
  };

  const render = (): void => {
    const { entries, keeping } = history;
    const shown = isLong ? entries : entries.slice(0, shortLength);
    const wanted = new Set(shown.map(({ id }) => id));
    for (const [id, item] of items) {
      if (wanted.has(id)) continue;
      item.dispose();
      item.element.remove();
      items.delete(id);
    }
    shown.forEach((entry, index) => {
      const { element } = itemOf(entry);
      if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
    });
    section.dataset['empty'] = String(entries.length === 0);
    removeAll.hidden = entries.length === 0;
    more.hidden = entries.length <= shortLength;
    more.textContent = isLong ? 'Show fewer' : `Show all ${entries.length}`;
    more.ariaExpanded = String(isLong);
    note.textContent = noteOf(history);
    section.dataset['keeping'] = keeping;
  };

  removeAll.addEventListener('click', () => {
    takeBack(history.removeAll());
    title.focus();
  });
  more.addEventListener('click', () => {
    isLong = !isLong;
    render();
  });
  history.onChange(render, signal);
  const ticking = window.setInterval(() => {
    for (const item of items.values()) item.tick(Date.now());
  }, tickMs);
  signal?.addEventListener('abort', () => {
    window.clearInterval(ticking);
    for (const item of items.values()) item.dispose();
    section.remove();
  });
  render();
}

function noteOf({ keeping, entries }: History): string {
  if (keeping === 'session') {
    return 'This browser keeps nothing for this page: a private window, or no space left. The list ends with this tab.';
  }
  if (entries.length > 0) return 'Kept in this browser only.';
  return keeping === 'opening' ? '' : 'Your results will be listed here. They are kept in this browser only.';
}

/** What another tab has written comes as a copy. */
function isSame(one: HistoryEntry, other: HistoryEntry): boolean {
  const isCorrectedAlike = one.job.correction?.at === other.job.correction?.at;
  return (
    one.savedAt === other.savedAt && one.name === other.name && one.job.status === other.job.status && isCorrectedAlike
  );
}
