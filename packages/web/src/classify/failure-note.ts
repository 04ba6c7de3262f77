/** A failure as a person reads it: what happened, what can be done, and what the service says of this occasion. */
import { wordsFor } from '../api/problem-words.js';
import { h } from '../app/dom.js';
import { icon } from '../app/icons.js';
import type { Failure } from './item.js';

/** `isTemporary`: it is tried again by itself. */
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
