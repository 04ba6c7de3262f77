/** Tells screen readers what happens, in a region that is never shown and never interrupts. */
import { wordsFor } from '../api/problem-words.js';
import { h } from '../app/dom.js';
import { formatScore, headlineOf } from '../app/score.js';
import { failureOf, isDone, jobOf, phaseOf, type Item } from './item.js';
import type { Progress } from './progress.js';
import { plural } from './format.js';

export interface Announcer {
  readonly element: HTMLElement;
  say(text: string): void;
}

export function announcer(): Announcer {
  const element = h('p', { className: 'visually-hidden', ariaLive: 'polite', role: 'status' });
  return {
    element,
    say(text) {
      if (text !== '' && element.textContent !== text) element.textContent = text;
    },
  };
}

/** What is said of a single picture; empty: nothing. */
export function itemAnnouncement(item: Item): string {
  const top = jobOf(item)?.predictions?.[0];
  if (top !== undefined) return `${item.name}: ${headlineOf(top)}, ${formatScore(top.score)}.`;
  const failure = failureOf(item);
  if (failure !== undefined) return `${item.name}: ${wordsFor(failure).title}.`;
  if (item.state.kind === 'pausing') return `${item.name}: ${wordsFor(item.state.failure).title}. It is tried again.`;
  return isDone(item) || phaseOf(item) === 'waiting' ? '' : `${item.name} is being classified.`;
}

/** The same of many: at each quarter, not at each picture. */
export function batchAnnouncement({ total, done, failed }: Progress): string {
  const failures = failed === 0 ? '' : `, ${failed} failed`;
  if (done === total) return `All ${plural(total, 'picture')} done${failures}.`;
  const quarter = Math.floor((done / total) * 4);
  return quarter === 0 ? `${plural(total, 'picture')} to classify.` : `${quarter * 25} percent done${failures}.`;
}
