/** What the window's title says of the pictures: how far they are, and in the end what was found. */
import type { Job } from '../api/types.js';
import { formatScore, headlineOf } from '../app/score.js';
import { isDone, jobOf, phaseOf, type Item } from './item.js';
import type { Progress } from './progress.js';

/** Of a job that has succeeded: `wall clock 69 %`. */
export function answerTitle({ predictions }: Pick<Job, 'predictions'>): string {
  const first = predictions?.[0];
  return first === undefined ? 'Done' : `${headlineOf(first)} ${formatScore(first.score, 0)}`;
}

/** Of one picture. `isSilent`: the service does not answer. */
export function itemTitle(item: Item, isSilent: boolean): string {
  const job = jobOf(item);
  if (job?.status === 'succeeded') return answerTitle(job);
  if (isDone(item)) return phaseOf(item) === 'canceled' ? 'Canceled' : 'Did not work';
  if (isSilent) return 'No answer';
  return item.state.kind === 'pausing' ? 'Trying again…' : 'Classifying…';
}

/** Of many. */
export function batchTitle({ total, done, succeeded, failed }: Progress, isSilent: boolean): string {
  if (done < total) return isSilent ? `No answer, ${done} of ${total} done` : `${done} of ${total} done`;
  const failures = failed === 0 ? '' : `, ${failed} failed`;
  return `${succeeded} of ${total} done${failures}`;
}
