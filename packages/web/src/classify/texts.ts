/** What is said of pictures on their way: on their cards, to screen readers, and in the window's title. */
import { formatScore } from '@quintet/client';
import { wordsFor } from '../api/problem-words.js';
import { h } from '../app/dom.js';
import { headlineOf } from '../app/score.js';
import { formatSeconds, plural } from './format.js';
import { failureOf, isDone, jobOf, phaseOf, type Item } from './item.js';
import type { Progress } from './progress.js';

/**
 * Where a picture is on its way. `now`: on the clock of performance.now(), for what counts down. `silentSeconds`: for
 * how long the service has not answered; what it said last is not told then, as it may be long past.
 */
export function statusText(item: Item, now: number, silentSeconds?: number): string {
  const { state, source, stateAt = now } = item;
  const isAwaited = state.kind === 'uploading' || (state.kind === 'job' && !isDone(item));
  if (silentSeconds !== undefined && isAwaited) return `No answer for ${formatSeconds(silentSeconds)}`;
  switch (state.kind) {
    case 'waiting':
      return 'Waiting to be sent';
    case 'uploading':
      return uploadText(source.kind === 'url', state.fraction);
    case 'pausing':
      return state.until > now ? `Trying again in ${Math.ceil((state.until - now) / 1000)} s` : 'Trying again';
    case 'failed':
      return 'Did not work';
    case 'canceled':
      return 'Canceled';
    case 'job':
      break;
  }
  const { status, queue } = state.job;
  switch (status) {
    case 'queued':
      return queue === undefined ? 'In the queue' : queueText(queue, (now - stateAt) / 1000);
    case 'processing':
      return 'Being classified';
    case 'succeeded':
      return 'Done';
    case 'failed':
      return 'Did not work';
    case 'canceled':
      return 'Canceled';
    case 'expired':
      return 'Not started in time';
  }
}

function uploadText(isAddress: boolean, fraction: number): string {
  if (isAddress) return 'Sending the address';
  // To be sent is not to be accepted.
  return fraction < 1 ? `Sending · ${Math.min(99, Math.round(fraction * 100))} %` : 'Sent · waiting for the answer';
}

/**
 * `age`: seconds since the service said so. An estimate that has run out was wrong: nothing is better than what is left
 * of it.
 */
function queueText(
  { position, eta_seconds: eta }: { readonly position: number; readonly eta_seconds?: number },
  age: number,
): string {
  const place = position === 0 ? 'Next in the queue' : `In the queue · ${position} before it`;
  const left = eta === undefined ? 0 : eta - age;
  return left > 0 ? `${place} · about ${formatSeconds(Math.max(0.1, left))}` : place;
}

/** The window's title, of one picture; in the end `wall clock 69 %`. `isSilent`: the service does not answer. */
export function itemTitle(item: Item, isSilent: boolean): string {
  const job = jobOf(item);
  const top = job?.predictions?.[0];
  if (top !== undefined) return `${headlineOf(top)} ${formatScore(top.score, 0)}`;
  if (job?.status === 'succeeded') return 'Done';
  if (isDone(item)) return phaseOf(item) === 'canceled' ? 'Canceled' : 'Did not work';
  if (isSilent) return 'No answer';
  return item.state.kind === 'pausing' ? 'Trying again…' : 'Classifying…';
}

/** The same, of many. */
export function batchTitle({ total, done, succeeded, failed }: Progress, isSilent: boolean): string {
  if (done < total) return isSilent ? `No answer, ${done} of ${total} done` : `${done} of ${total} done`;
  const failures = failed === 0 ? '' : `, ${failed} failed`;
  return `${succeeded} of ${total} done${failures}`;
}

/** Tells screen readers what happens, in a region that is never shown and never interrupts. */
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
