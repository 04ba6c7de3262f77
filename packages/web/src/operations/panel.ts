/** What the panels of the operations view have in common. */
import type { Operations } from '@quintet/client';
import { h, type Child } from '../app/dom.js';
import { nothing } from './format.js';

/** A part of the view: made once, with room for what it will say, and then kept up to date. */
export interface Panel {
  readonly element: HTMLElement;
  /** Undefined: nothing is known. */
  show(data: Operations | undefined): void;
}

export function section(title: string, className: string, ...children: readonly Child[]): HTMLElement {
  return h('section', { className: `panel ${className}` }, h('h2', {}, title), ...children);
}

/** A text that changes; the document is touched only where it does. */
export function changing<K extends 'span' | 'p' | 'td' | 'dd' | 'strong'>(tag: K, className = '') {
  const element = h(tag);
  element.className = className;
  element.textContent = nothing;
  let shown = nothing;
  return {
    element,
    set: (text: string): void => {
      if (text === shown) return;
      shown = text;
      element.textContent = text;
    },
  };
}

/** A term with a number that changes. */
export function tally(term: string) {
  const value = changing('dd', 'numbers');
  return { element: h('div', { className: 'tally' }, h('dt', {}, term), value.element), set: value.set };
}

/** A bar that screen readers know as one. */
export function meter(label: string): HTMLMeterElement {
  const element = h('meter', { min: 0, max: 1, value: 0 });
  element.setAttribute('aria-label', label);
  return element;
}

export function columnHeader(text: string, className = ''): HTMLTableCellElement {
  return h('th', { scope: 'col', className, textContent: text });
}

/** A caption for those who do not see the heading above the table. */
export function hiddenCaption(text: string): HTMLTableCaptionElement {
  return h('caption', { className: 'visually-hidden', textContent: text });
}
