/**
 * Tabs by the ARIA pattern: one of them is in the tab order, the arrow keys, Home and End go to the others and show what they go
 * to. Panels are made when they are first shown.
 */
import { h } from '../../app/dom.js';

export interface Tab {
  readonly id: string;
  readonly title: string;
  readonly panel: () => readonly (Node | string)[];
}

let made = 0;

/** `label` says what the tabs are about, for who does not see them. The first is shown. */
export function tabs(label: string, all: readonly Tab[]): HTMLElement {
  made += 1;
  const prefix = `tabs-${made}`;
  const list = h('div', { className: 'tab-list', role: 'tablist', ariaLabel: label });
  const parts = all.map(({ id, title, panel }) => {
    const tab = h('button', { type: 'button', role: 'tab', id: `${prefix}-${id}`, tabIndex: -1 }, title);
    const content = h('div', { role: 'tabpanel', id: `${prefix}-${id}-panel`, className: 'tab-panel', hidden: true });
    content.setAttribute('aria-labelledby', tab.id);
    tab.setAttribute('aria-controls', content.id);
    return { tab, content, panel };
  });

  const show = (shown: number): void => {
    for (const [index, { tab, content, panel }] of parts.entries()) {
      const isShown = index === shown;
      tab.ariaSelected = String(isShown);
      tab.tabIndex = isShown ? 0 : -1;
      content.hidden = !isShown;
      if (isShown && content.childNodes.length === 0) content.append(...panel());
    }
  };

  for (const [index, { tab }] of parts.entries()) {
    tab.addEventListener('click', () => {
      show(index);
    });
    tab.addEventListener('keydown', (event) => {
      const next = nextIndex(event.key, index, parts.length);
      if (next === undefined) return;
      event.preventDefault();
      show(next);
      parts[next]?.tab.focus();
    });
  }
  list.append(...parts.map(({ tab }) => tab));
  show(0);
  return h('div', { className: 'tabs-part' }, list, ...parts.map(({ content }) => content));
}

function nextIndex(key: string, index: number, count: number): number | undefined {
  switch (key) {
    case 'ArrowRight':
      return (index + 1) % count;
    case 'ArrowLeft':
      return (index + count - 1) % count;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return undefined;
  }
}
