/** Many pictures: the bar over them, a grid of compact cards, the large card of the one that is open. */
import { h } from '../app/dom.js';
import { arrange, type Order } from './arrangement.js';
import { batchBar, type BatchActions } from './batch-bar.js';
import { detailDialog } from './detail-dialog.js';
import { grid } from './grid.js';
import { phaseOf, type Item } from './item.js';
import type { Progress } from './progress.js';
import type { CardActions } from './result-card.js';
import type { ItemStore } from './store.js';
import { tile, type Tile } from './tile.js';

const rearrangeMs = 1000;

export interface BatchView {
  readonly element: HTMLElement;
  readonly heading: HTMLElement;
  update(changed: ReadonlySet<string>, progress: Progress): void;
}

export interface BatchViewOptions extends BatchActions {
  readonly store: ItemStore;
  readonly card: () => CardActions;
  readonly look: (id: string | undefined) => void;
  /** At first. */
  readonly order: Order;
}

export function batchView(options: BatchViewOptions): BatchView {
  const { store } = options;
  const tiles = new Map<string, Tile>();
  const cards = grid();
  let order = options.order;
  /** As they are shown. */
  let shown: readonly Item[] = [];
  let waiting: number | undefined;
  const arrangeNow = (): void => {
    window.clearTimeout(waiting);
    waiting = undefined;
    const groups = arrange(store.all(), order);
    shown = groups.flatMap(({ items }) => items);
    cards.show(groups, (id) => tiles.get(id)?.element);
  };
  const bar = batchBar({
    ...options,
    onOrder: (next) => {
      order = next;
      options.onOrder(next);
      arrangeNow();
    },
  });
  const dialog = detailDialog({
    card: options.card,
    step: (from, by) => {
      const next = shown[shown.findIndex(({ id }) => id === from) + by];
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
    const place = `${shown.findIndex(({ id }) => id === item.id) + 1} of ${shown.length}`;
    // One that waits shows a countdown.
    if (changed.has(item.id) || phaseOf(item) === 'busy') dialog.update(item, place);
  };
  const newTile = (id: string): Tile =>
    tile(() => {
      const current = store.get(id);
      if (current !== undefined) open(current);
    });
  return {
    element: h('div', { className: 'batch' }, bar.element, cards.element, dialog.element),
    heading: bar.heading,
    update(changed, progress) {
      const before = tiles.size;
      for (const id of changed) {
        const item = store.get(id);
        if (item === undefined) {
          tiles.get(id)?.element.remove();
          tiles.delete(id);
          continue;
        }
        const one = tiles.get(id) ?? newTile(id);
        tiles.set(id, one);
        one.show(item);
      }
      // In the order in which they were sent, an answer moves nothing. In the others nobody can read what jumps at each.
      if (tiles.size !== before || (order !== 'sent' && progress.done === progress.total)) arrangeNow();
      else if (order !== 'sent') waiting ??= window.setTimeout(arrangeNow, rearrangeMs);
      bar.show(progress);
      updateDialog(changed);
    },
  };
}
