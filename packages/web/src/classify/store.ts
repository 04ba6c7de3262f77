/**
 * The pictures of this page, in the order in which they were chosen. Listeners are told once per turn which have changed, so
 * that a hundred events cost one painting.
 */
import { isDone, type Item } from './item.js';

export type StoreListener = (changed: ReadonlySet<string>) => void;

export class ItemStore {
  readonly #items = new Map<string, Item>();
  readonly #listeners = new Set<StoreListener>();
  #changed = new Set<string>();
  #scheduled = false;

  /** `schedule` runs what it is given soon, once; `now` is a clock in ms. */
  constructor(
    private readonly schedule: (flush: () => void) => void,
    private readonly now: () => number,
  ) {}

  get size(): number {
    return this.#items.size;
  }

  all(): Item[] {
    return [...this.#items.values()];
  }

  get(id: string): Item | undefined {
    return this.#items.get(id);
  }

  add(item: Item): void {
    this.#items.set(item.id, { ...item, stateAt: this.now() });
    this.#touch(item.id);
  }

  /** Changes an item that is there, and notes when its state was told and when it came to its end; one that was removed stays so. */
  update(id: string, change: Partial<Item>): void {
    const item = this.#items.get(id);
    if (item === undefined) return;
    const next = { ...item, ...change, ...(change.state === undefined ? {} : { stateAt: this.now() }) };
    const { doneAt: _doneAt, ...undone } = next;
    const doneAt = isDone(item) ? item.doneAt : this.now();
    this.#items.set(id, isDone(next) && doneAt !== undefined ? { ...undone, doneAt } : undone);
    this.#touch(id);
  }

  remove(id: string): void {
    if (this.#items.delete(id)) this.#touch(id);
  }

  onChange(listener: StoreListener): void {
    this.#listeners.add(listener);
  }

  #touch(id: string): void {
    this.#changed.add(id);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.schedule(() => {
      this.#scheduled = false;
      const changed = this.#changed;
      this.#changed = new Set();
      for (const listener of [...this.#listeners]) listener(changed);
    });
  }
}
