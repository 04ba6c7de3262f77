/**
 * The compact cards of a run, in groups with their counts, or in one. Cards and groups are made once and only moved, and what
 * has the focus keeps it.
 */
import { h } from '../app/dom.js';
import type { Group } from './arrangement.js';
import { plural } from './format.js';

export interface Grid {
  readonly element: HTMLElement;
  /** `cardOf`: the list item of an item's id. */
  show(groups: readonly Group[], cardOf: (id: string) => HTMLElement | undefined): void;
}

interface GroupView {
  readonly element: HTMLElement;
  readonly title: HTMLElement;
  readonly count: HTMLElement;
  readonly list: HTMLElement;
}

export function grid(): Grid {
  const element = h('div', { className: 'groups' });
  const views = new Map<string, GroupView>();
  const show: Grid['show'] = (groups, cardOf) => {
    const focused = document.activeElement;
    const wanted = new Set(groups.map(({ key }) => key));
    let place = element.firstElementChild;
    for (const { key, title, items } of groups) {
      const view = views.get(key) ?? groupView();
      views.set(key, view);
      view.element.classList.toggle('titled', title !== undefined);
      view.title.textContent = title ?? '';
      view.count.textContent = String(items.length);
      view.list.ariaLabel = title === undefined ? 'Pictures' : `${title}: ${plural(items.length, 'picture')}`;
      place = putAt(element, view.element, place);
      let next = view.list.firstElementChild;
      for (const { id } of items) {
        const card = cardOf(id);
        if (card !== undefined) next = putAt(view.list, card, next);
      }
    }
    for (const [key, view] of views) {
      if (wanted.has(key)) continue;
      view.element.remove();
      views.delete(key);
    }
    // What is moved loses it.
    if (focused instanceof HTMLElement && focused !== document.activeElement && element.contains(focused)) {
      focused.focus({ preventScroll: true });
    }
  };
  return { element, show };
}

/** Puts `child` before `place` unless it is there; returns the place after it. */
function putAt(parent: Element, child: Element, place: Element | null): Element | null {
  if (place === child) return child.nextElementSibling;
  parent.insertBefore(child, place);
  return place;
}

function groupView(): GroupView {
  const title = h('span', { className: 'group-label' });
  const count = h('span', { className: 'quiet numbers' });
  const list = h('ul', { className: 'grid' });
  const element = h('div', { className: 'group' }, h('h3', { className: 'group-title' }, title, ' ', count), list);
  return { element, title, count, list };
}
