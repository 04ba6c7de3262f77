/** Many pictures: the bar over them, a grid of compact cards, the large card of the one that is open. */
import { h } from '../app/dom.js';
import { batchBar, type BatchActions } from './batch-bar.js';
import { detailDialog } from './detail-dialog.js';
import { phaseOf, type Item } from './item.js';
import type { Progress } from './progress.js';
import type { CardActions } from './result-card.js';
import type { ItemStore } from './store.js';
import { tile, type Tile } from './tile.js';

export interface BatchView {
  readonly element: HTMLElement;
  readonly heading: HTMLElement;
  update(changed: ReadonlySet<string>, progress: Progress): void;
}

export interface BatchViewOptions extends BatchActions {
  readonly store: ItemStore;
  readonly card: () => CardActions;
  readonly look: (id: string | undefined) => void;
}

export function batchView(options: BatchViewOptions): BatchView {
  const { store } = options;
  const bar = batchBar(options);
  const grid = h('ul', { className: 'grid' });
  grid.ariaLabel = 'Pictures';
  const tiles = new Map<string, Tile>();
  const dialog = detailDialog({
    card: options.card,
    step: (from, by) => {
      const all = store.all();
      const next = all[all.findIndex(({ id }) => id === from) + by];
      if (next !== undefined) open(next);
    },
    onClose: (id) => {
      options.look(undefined);
      tiles.get(id)?.button.focus();
    },
  });
  const open = (item: Item): void => {
    options.look(item.id);
    dialog.open(item);
    updateDialog(new Set([item.id]));
  };
  const updateDialog = (changed: ReadonlySet<string>): void => {
    const item = dialog.current === undefined ? undefined : store.get(dialog.current);
    if (item === undefined) {
      dialog.element.close();
      return;
    }
    const all = store.all();
    const place = `${all.findIndex(({ id }) => id === item.id) + 1} of ${all.length}`;
    // One that waits shows a countdown.
    if (changed.has(item.id) || phaseOf(item) === 'busy') dialog.update(item, place);
  };
  return {
    element: h('div', { className: 'batch' }, bar.element, grid, dialog.element),
    heading: bar.heading,
    update(changed, progress) {
      for (const id of changed) {
        const item = store.get(id);
        const known = tiles.get(id);
        if (item === undefined) {
          known?.element.remove();
          tiles.delete(id);
          continue;
        }
        const shown =
          known ??
          tile(() => {
            const current = store.get(id);
            if (current !== undefined) open(current);
          });
        if (known === undefined) {
          tiles.set(id, shown);
          grid.append(shown.element);
        }
        shown.show(item);
      }
      bar.show(progress);
      updateDialog(changed);
    },
  };
}
