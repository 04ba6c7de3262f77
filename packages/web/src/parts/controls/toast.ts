/**
 * A line at the foot of the window that says what has just happened, and lets it be undone. One at a time: a later one takes its
 * place. It goes by itself, but not while somebody has the pointer or the focus in it.
 *
 * Screen readers read it as it comes; the region is there, empty, before the first.
 */
import { h } from '../../app/dom.js';
import { icon } from '../../app/icons.js';

export interface Toast {
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void };
}

/** Long enough to read it and to come to the button by keyboard. */
const shownMs = 10_000;

export interface Toasts {
  show(toast: Toast): void;
  clear(): void;
}

export function createToasts(host: HTMLElement): Toasts {
  const region = h('div', { className: 'toasts', role: 'status' });
  host.append(region);
  let timer: number | undefined;

  const clear = (): void => {
    window.clearTimeout(timer);
    region.replaceChildren();
  };
  const hold = (): void => {
    window.clearTimeout(timer);
  };
  const goLater = (): void => {
    hold();
    if (region.childNodes.length > 0) timer = window.setTimeout(clear, shownMs);
  };
  region.addEventListener('pointerenter', hold);
  region.addEventListener('pointerleave', goLater);
  region.addEventListener('focusin', hold);
  region.addEventListener('focusout', goLater);
  region.addEventListener('keydown', ({ key }) => {
    if (key === 'Escape') clear();
  });

  return {
    clear,
    show({ text, action }) {
      const close = h('button', { type: 'button', className: 'icon-button', ariaLabel: 'Dismiss' }, icon('close'));
      close.addEventListener('click', clear);
      const act = h('button', { type: 'button', className: 'plain' }, action?.label ?? '');
      act.addEventListener('click', () => {
        clear();
        action?.run();
      });
      region.replaceChildren(h('div', { className: 'toast' }, h('p', {}, text), action !== undefined && act, close));
      goLater();
    },
  };
}
