/** Five labelled bars. Their rows are there from the start, so that nothing moves when they are filled. */
import { formatScore, type Prediction } from '@quintet/client';
import { h } from '../app/dom.js';

const rows = 5;

export interface Bars {
  readonly element: HTMLElement;
  /** Undefined: not known yet. */
  show(predictions: readonly Prediction[] | undefined): void;
}

export function bars(): Bars {
  const element = h('ol', { className: 'bars' });
  element.setAttribute('aria-label', 'The most likely labels');
  let shown: readonly Prediction[] | undefined;
  const show = (predictions: readonly Prediction[] | undefined): void => {
    if (predictions !== undefined && predictions === shown) return;
    shown = predictions;
    element.classList.toggle('empty', predictions === undefined);
    element.ariaHidden = predictions === undefined ? 'true' : null;
    const all = predictions === undefined ? Array.from({ length: rows }, () => placeholder()) : predictions.map(row);
    element.replaceChildren(...all);
  };
  show(undefined);
  return { element, show };
}

function row({ label, wnid, score }: Prediction): HTMLElement {
  const meter = h('meter', { min: 0, max: 1, value: score }, formatScore(score));
  meter.setAttribute('aria-label', label);
  meter.setAttribute('aria-valuetext', formatScore(score));
  return h(
    'li',
    { className: 'bar' },
    h('span', { className: 'bar-label', title: `${label} (${wnid})` }, label),
    h('span', { className: 'bar-score numbers', ariaHidden: 'true' }, formatScore(score)),
    meter,
  );
}

function placeholder(): HTMLElement {
  return h(
    'li',
    { className: 'bar' },
    h('span', { className: 'bar-label' }),
    h('span', { className: 'bar-score' }),
    h('span', { className: 'bar-track' }),
  );
}
