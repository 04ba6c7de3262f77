/**
 * One picture on its way through the page.
 *
 *   waiting → uploading → job (queued → processing → its end)
 *                ↓  ↑
 *             pausing (the service is full or away; tried again at a known moment)
 *                ↓
 *             failed (refused for good) · canceled (by the person, before or after it was sent)
 *
 * failed, canceled and a job that has ended may go back to waiting: `retry`. A picture that is explained later on keeps the
 * job that it has until the new one has ended, so nothing that is shown disappears.
 */
import type { Job } from '@quintet/client';
import type { Failure } from '../api/problem-words.js';

export type Source =
  | { readonly kind: 'file'; readonly blob: Blob }
  | { readonly kind: 'url'; readonly url: string }
  /** Its job is known, its bytes are not here: the page was loaded again, or the result was shared. */
  | { readonly kind: 'gone' };

export type ItemState =
  | { readonly kind: 'waiting' }
  /** `fraction` of the bytes that are sent, 0 to 1. */
  | { readonly kind: 'uploading'; readonly fraction: number }
  /** `until`: when it is tried again, in ms of performance.now(). */
  | { readonly kind: 'pausing'; readonly until: number; readonly failure: Failure }
  | { readonly kind: 'job'; readonly job: Job }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'canceled' };

export interface Item {
  readonly id: string;
  /** Of the file, or where it comes from. */
  readonly name: string;
  readonly source: Source;
  /** An address that an <img> may show, blob: or data:. */
  readonly preview?: string;
  /** The model it was or will be sent to; the service's default where absent. */
  readonly model?: string;
  readonly explain: boolean;
  /** While an explanation is under way, and why there is none. */
  readonly explaining?: 'busy' | Failure | undefined;
  readonly state: ItemState;
  /** When it came into this state, when it was chosen and when its result was here, in ms of performance.now(). */
  readonly stateAt?: number;
  readonly chosenAt: number;
  readonly doneAt?: number;
  /** Seconds from the submission to the result, where the job that is shown was submitted later than the picture was chosen. */
  readonly answeredIn?: number | undefined;
}

export type Phase = 'waiting' | 'busy' | 'succeeded' | 'failed' | 'canceled';

/** What a list has to know of an item. */
export function phaseOf({ state }: Pick<Item, 'state'>): Phase {
  switch (state.kind) {
    case 'waiting':
      return 'waiting';
    case 'uploading':
    case 'pausing':
      return 'busy';
    case 'failed':
      return 'failed';
    case 'canceled':
      return 'canceled';
    case 'job': {
      const { status } = state.job;
      if (status === 'queued' || status === 'processing') return 'busy';
      return status === 'expired' ? 'failed' : status;
    }
  }
}

export function isDone(item: Pick<Item, 'state'>): boolean {
  const phase = phaseOf(item);
  return phase === 'succeeded' || phase === 'failed' || phase === 'canceled';
}

/** Of an item whose phase is `failed`. */
export function failureOf({ state }: Pick<Item, 'state'>): Failure | undefined {
  if (state.kind === 'failed') return state.failure;
  if (state.kind !== 'job') return undefined;
  const { job } = state;
  if (job.status === 'expired') return { code: 'job_expired', title: 'It was not started in time', retryable: true };
  if (job.status !== 'failed') return undefined;
  return job.error ?? { code: 'internal_error', title: 'The job failed', retryable: true };
}

export function jobOf({ state }: Pick<Item, 'state'>): Job | undefined {
  return state.kind === 'job' ? state.job : undefined;
}

/** Whether the failure is the lack of a key that allows it. */
export function needsKey(item: Pick<Item, 'state'>): boolean {
  return ['api_key_missing', 'api_key_invalid', 'scope_missing'].includes(failureOf(item)?.code ?? '');
}

/** Whether the same can be sent again from here. */
export function canRetry(item: Item): boolean {
  const phase = phaseOf(item);
  if (item.source.kind === 'gone') return false;
  return phase === 'canceled' || (phase === 'failed' && (failureOf(item)?.retryable === true || needsKey(item)));
}
