/** How far a run of many pictures is: counts, how fast it goes, when it will be over. */
import type { Failure } from '../api/problem-words.js';
import { phaseOf, type Item } from './item.js';

export interface Progress {
  readonly total: number;
  readonly done: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly canceled: number;
  /** Results per second over the last seconds; undefined before there are two. */
  readonly perSecond?: number;
  /** Seconds until all are done, at that rate. */
  readonly secondsLeft?: number;
  /** Why nothing more is sent at the moment, and when it is tried again, in ms of performance.now(). */
  readonly putOff?: { readonly failure: Failure; readonly until: number };
}

const windowMs = 8000;

/** `now`: on the clock of `doneAt`. After the last result the rate is that of the whole run. */
export function progressOf(items: readonly Item[], now: number): Progress {
  const counts = { succeeded: 0, failed: 0, canceled: 0, waiting: 0, busy: 0 };
  for (const item of items) counts[phaseOf(item)] += 1;
  const { succeeded, failed, canceled } = counts;
  const total = items.length;
  const done = succeeded + failed + canceled;
  const perSecond = rateOf(items, now, done === total);
  const putOff = items.flatMap(({ state }) => (state.kind === 'pausing' ? [state] : [])).at(0);
  return {
    ...{ total, done, succeeded, failed, canceled },
    ...(putOff === undefined ? {} : { putOff: { failure: putOff.failure, until: putOff.until } }),
    ...(perSecond === undefined ? {} : { perSecond }),
    ...(perSecond === undefined || perSecond === 0 ? {} : { secondsLeft: (total - done) / perSecond }),
  };
}

function rateOf(items: readonly Item[], now: number, isOver: boolean): number | undefined {
  const ends = items.flatMap((item) =>
    item.doneAt === undefined || phaseOf(item) === 'canceled' ? [] : [item.doneAt],
  );
  // What was done before the page was loaded again has no end of its own.
  const isPartly = isOver && items.some((item) => item.doneAt === undefined);
  if (ends.length < 2 || isPartly) return undefined;
  const began = Math.min(...items.map(({ chosenAt }) => chosenAt));
  if (isOver) return ends.length / Math.max(0.001, (Math.max(...ends) - began) / 1000);
  const from = Math.max(began, now - windowMs);
  return ends.filter((end) => end >= from).length / Math.max(0.001, (now - from) / 1000);
}
