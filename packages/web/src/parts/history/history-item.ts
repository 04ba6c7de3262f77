/** One result of the past: its picture, its first label and score, when it was, and a button that deletes it. */
import { formatScore } from '@quintet/client';
import { wordsFor } from '../../api/problem-words.js';
import { h } from '../../app/dom.js';
import { icon } from '../../app/icons.js';
import { jobHash } from '../../app/router.js';
import { headlineOf } from '../../app/score.js';
import type { HistoryEntry } from './history-storage.js';

export interface HistoryItem {
  readonly element: HTMLElement;
  readonly entry: HistoryEntry;
  readonly removeButton: HTMLButtonElement;
  /** Says anew how long ago it was. */
  tick(now: number): void;
  /** Lets go of the picture. */
  dispose(): void;
}

export function historyItem(entry: HistoryEntry, onRemove: () => void): HistoryItem {
  const { id, name, savedAt, thumbnail } = entry;
  const url = thumbnail === undefined ? undefined : URL.createObjectURL(thumbnail);
  const picture =
    url === undefined
      ? h('span', { className: 'history-picture' }, icon('picture'))
      : h('img', { className: 'history-picture', src: url, alt: '', decoding: 'async', width: 56, height: 56 });
  const date = new Date(savedAt);
  const time = h('time', { dateTime: date.toISOString(), title: date.toLocaleString('en') });
  const { text, score } = summary(entry);
  const link = h(
    'a',
    { className: 'history-link', href: jobHash(id) },
    picture,
    h(
      'span',
      { className: 'history-text' },
      h('span', { className: 'history-label' }, text),
      h('span', { className: 'history-name quiet small' }, name),
    ),
    h('span', { className: 'history-facts' }, score !== undefined && h('span', { className: 'numbers' }, score), time),
  );
  const removeButton = h(
    'button',
    { type: 'button', className: 'icon-button', ariaLabel: `Delete ${text}, ${name}`, title: 'Delete' },
    icon('bin'),
  );
  removeButton.addEventListener('click', onRemove);
  const element = h('li', { className: 'history-item' }, link, removeButton);
  element.dataset['status'] = entry.job.status;
  time.className = 'quiet small';

  const tick = (now: number): void => {
    const words = relativeTime(savedAt, now);
    if (time.textContent !== words) time.textContent = words;
  };
  tick(Date.now());
  return {
    element,
    entry,
    removeButton,
    tick,
    dispose() {
      if (url !== undefined) URL.revokeObjectURL(url);
    },
  };
}

const ended: Readonly<Record<string, string>> = {
  canceled: 'Canceled',
  expired: 'Not started in time',
  failed: 'Did not work',
};

function summary({ job }: HistoryEntry): { text: string; score?: string } {
  const [first] = job.predictions ?? [];
  if (job.correction !== undefined) return { text: job.correction.label, score: 'corrected' };
  if (first !== undefined) return { text: headlineOf(first), score: formatScore(first.score) };
  if (job.status === 'succeeded') return { text: 'Nothing above the least score' };
  return { text: job.error === undefined ? (ended[job.status] ?? 'Not finished') : wordsFor(job.error).title };
}

const steps: readonly [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ['minute', 60],
  ['hour', 3600],
  ['day', 86_400],
  ['week', 604_800],
  ['month', 2_629_746],
  ['year', 31_556_952],
];

/**
 * How long ago something was: "5 minutes ago", "yesterday". Both Unix milliseconds. What lies ahead (a clock was set
 * back) is "just now". The page's language is English.
 */
export function relativeTime(then: number, now: number): string {
  const seconds = Math.max(0, (now - then) / 1000);
  const step = steps.findLast(([, size]) => seconds >= size);
  if (step === undefined) return 'just now';
  const [unit, size] = step;
  return new Intl.RelativeTimeFormat('en', { numeric: 'auto' }).format(-Math.floor(seconds / size), unit);
}
