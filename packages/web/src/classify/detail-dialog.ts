/** One of many pictures, large: a dialog with the card, and the way to those before and after it. */
import { h } from '../app/dom.js';
import { icon } from '../app/icons.js';
import type { Item } from './item.js';
import { resultCard, type CardActions } from './result-card.js';

export interface DetailDialog {
  readonly element: HTMLDialogElement;
  /** The item that is open. */
  readonly current: string | undefined;
  open(item: Item): void;
  update(item: Item, place: string): void;
}

export interface DetailActions {
  readonly card: () => CardActions;
  /** Opens the one before (-1) or after (1), where there is one. */
  readonly step: (from: string, by: -1 | 1) => void;
  readonly onClose: (id: string) => void;
}

export function detailDialog(actions: DetailActions): DetailDialog {
  const place = h('p', { className: 'quiet small numbers' });
  const host = h('div');
  let current: string | undefined;
  let card: ReturnType<typeof resultCard> | undefined;
  const step = (by: -1 | 1): void => {
    if (current !== undefined) actions.step(current, by);
  };
  const arrow = (label: string, name: 'back' | 'forward', by: -1 | 1): HTMLElement =>
    h(
      'button',
      {
        type: 'button',
        className: 'icon-button',
        ariaLabel: label,
        title: label,
        onclick: () => {
          step(by);
        },
      },
      icon(name),
    );
  const close = h(
    'button',
    { type: 'button', className: 'icon-button', ariaLabel: 'Close', title: 'Close (Esc)' },
    icon('close'),
  );
  const element = h(
    'dialog',
    { className: 'dialog detail', ariaLabel: 'Result' },
    h(
      'div',
      { className: 'detail-bar' },
      arrow('Previous picture', 'back', -1),
      arrow('Next picture', 'forward', 1),
      place,
      close,
    ),
    host,
  );
  close.addEventListener('click', () => {
    element.close();
  });
  element.addEventListener('click', ({ target }) => {
    if (target === element) element.close();
  });
  element.addEventListener('keydown', ({ key, target }) => {
    if (target instanceof HTMLInputElement) return;
    if (key === 'ArrowLeft') step(-1);
    if (key === 'ArrowRight') step(1);
  });
  element.addEventListener('close', () => {
    const id = current;
    current = undefined;
    host.replaceChildren();
    if (id !== undefined) actions.onClose(id);
  });
  return {
    element,
    get current() {
      return current;
    },
    open(item) {
      current = item.id;
      card = resultCard(actions.card());
      host.replaceChildren(card.element);
      card.show(item);
      if (!element.open) element.showModal();
    },
    update(item, text) {
      place.textContent = text;
      card?.show(item);
    },
  };
}
