/** A failure as a person reads it: what happened, the service's detail, what can be done. */
import { h } from '../app/dom.js';
import { icon } from '../app/icons.js';
import { adviceFor } from './advice.js';
import type { Failure } from './item.js';

/** `isTemporary`: it is tried again by itself. */
export function failureNote(failure: Failure, isTemporary = false): HTMLElement {
  const { title, detail, code, request_id: requestId } = failure;
  return h(
    'div',
    { className: `banner ${isTemporary ? 'warn' : 'bad'}` },
    icon('warning'),
    h(
      'div',
      { className: 'failure' },
      h('p', { className: 'banner-title' }, title),
      detail !== undefined && detail !== title && h('p', {}, detail),
      h('p', {}, adviceFor(failure)),
      h(
        'p',
        { className: 'small failure-code' },
        h('code', {}, code),
        requestId !== undefined && ` · request ${requestId}`,
      ),
    ),
  );
}
