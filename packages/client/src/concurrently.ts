/**
 * Work on many items, several at once, with results in the order of the items or as they come; memory is bounded whatever their
 * number.
 *
 * An item is pulled → worked on → done → yielded. Invariants: at most `window.size` are worked on; at most `ahead` are pulled
 * and not yielded, so that one slow item at the head holds the rest up only after that many; one pull at a time. Work
 * goes on while the consumer handles a result. A consumer that stops, or work that throws, aborts what is under way.
 */

/** How many may be worked on at once; looked at whenever there may be another. */
export interface Window {
  readonly size: number;
}

export interface ConcurrentOptions {
  readonly window: Window;
  /** Results in the order of the items; else as they come. */
  readonly ordered: boolean;
  readonly signal?: AbortSignal | undefined;
}

const leastAhead = 256;

export async function* concurrently<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  work: (item: Item, index: number, signal: AbortSignal) => Promise<Result>,
  { window, ordered, signal }: ConcurrentOptions,
): AsyncGenerator<Result, void, undefined> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  /** Each with a controller of its own: signals that many listen to cost more than many signals. */
  const running = new Map<Promise<void>, AbortController>();
  /** Done and not yielded, by the number under which they are yielded. */
  const done = new Map<number, Result>();
  let pulled = 0;
  let completed = 0;
  let yielded = 0;
  let pulling = false;
  /** `exhausted`: there is no further item. `failure`: nothing more is begun, and the loop ends with it. */
  const state: { exhausted: boolean; failure?: { readonly error: unknown } } = { exhausted: false };
  let wake: () => void = () => undefined;

  const fail = (error: unknown): void => {
    state.failure ??= { error };
    wake();
  };
  const abort = (): void => {
    fail(signal?.reason);
  };
  const start = (item: Item): void => {
    const index = pulled++;
    const controller = new AbortController();
    const task = work(item, index, controller.signal)
      .then((result) => {
        done.set(ordered ? index : completed++, result);
      }, fail)
      .finally(() => {
        running.delete(task);
        wake();
        fill();
      });
    running.set(task, controller);
  };
  const fill = (): void => {
    const ahead = Math.max(leastAhead, 4 * window.size);
    if (pulling || state.exhausted || state.failure !== undefined) return;
    if (running.size >= window.size || pulled - yielded >= ahead) return;
    pulling = true;
    Promise.resolve(iterator.next())
      .then(
        (next) => {
          if (next.done === true) state.exhausted = true;
          else if (state.failure === undefined) start(next.value);
        },
        (error: unknown) => {
          state.exhausted = true;
          fail(error);
        },
      )
      .finally(() => {
        pulling = false;
        wake();
        fill();
      });
  };

  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted === true) abort();
  try {
    for (;;) {
      fill();
      while (state.failure === undefined && done.has(yielded)) {
        const result = done.get(yielded) as Result;
        done.delete(yielded);
        yielded += 1;
        yield result;
        fill();
      }
      if (state.failure !== undefined) throw state.failure.error;
      if (state.exhausted && running.size === 0 && done.size === 0) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    state.failure ??= { error: undefined };
    signal?.removeEventListener('abort', abort);
    for (const controller of running.values()) controller.abort(signal?.reason);
    await Promise.allSettled(running.keys());
    if (!state.exhausted) await iterator.return?.();
  }
}
