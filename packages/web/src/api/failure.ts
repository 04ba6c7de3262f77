/** Failures of the page's requests: what a card says of them, and when the same is worth another try. */
import { QuintetError } from '@quintet/client';
import { h } from '../app/dom.js';
import { icon } from '../app/icons.js';
import { wordsFor, type Failure } from './problem-words.js';

export function toFailure(error: unknown): Failure {
  if (!(error instanceof QuintetError)) return pageError(error instanceof Error ? error.message : String(error));
  const { code, problem, status = 0, retryable, detail } = error;
  if (problem !== undefined) return problem;
  if (code === 'connection_failed') return { code: 'unreachable', title: 'The service cannot be reached', retryable };
  if (code !== 'answer_unreadable') return { code, title: detail, retryable };
  // A proxy in between answers with pages of its own.
  if (status < 400) return pageError(detail);
  const isPassing = retryable || status >= 500;
  const title = isPassing ? 'Something between here and the service failed' : 'The request was refused on its way';
  return { code: `http_${status}`, title, retryable };
}

function pageError(detail: string): Failure {
  return { code: 'page_error', title: 'Something went wrong in this page', detail, retryable: false };
}

/** What another request a little later may simply not meet: the service is full, away, or says how long to wait. */
const waitsFor = new Set(['queue_full', 'storage_full', 'uploads_busy', 'redis_unavailable', 'shutting_down']);
const mostSeconds = 30;
const mostAttempts = 5;

/**
 * Seconds to wait before attempt number `attempt` (1 is the first repetition); undefined: not again. A service that is
 * full or away is waited for as long as the person does; other failures that may pass get a few attempts. Where it said
 * how long, it is waited so long; else 1, 2, 4 … 30 s.
 */
export function retryDelay(error: unknown, attempt: number): number | undefined {
  if (!(error instanceof QuintetError) || !error.retryable) return undefined;
  const { code, status = 0, retryAfter } = error;
  const isPatient = code === 'connection_failed' || waitsFor.has(code) || [429, 502, 504].includes(status);
  if (!isPatient && attempt > mostAttempts) return undefined;
  return retryAfter === undefined ? Math.min(mostSeconds, 2 ** (attempt - 1)) : Math.max(retryAfter, 0.5);
}

/**
 * What happened, what can be done, and what the service says of this occasion. `isTemporary`: it is tried again by
 * itself.
 */
export function failureNote(failure: Failure, isTemporary = false): HTMLElement {
  const { code, request_id: requestId } = failure;
  const { title, advice, detail } = wordsFor(failure);
  return h(
    'div',
    { className: `banner ${isTemporary ? 'warn' : 'bad'}` },
    icon('warning'),
    h(
      'div',
      { className: 'failure' },
      h('p', { className: 'banner-title' }, title),
      h('p', {}, advice),
      detail !== undefined && h('p', { className: 'small' }, `The service says: ${detail}`),
      h(
        'p',
        { className: 'small failure-code' },
        h('code', {}, code),
        requestId !== undefined && ` · request ${requestId}`,
      ),
    ),
  );
}
