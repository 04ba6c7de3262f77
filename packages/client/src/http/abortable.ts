/** Waiting that a signal ends. Hand-made, since AbortSignal.any and .timeout cost more than what they are used for here. */

/** A longer timer fires at once. */
const longestMs = 2 ** 31 - 1;

/** Resolves after `ms`; rejects with the signal's reason once it aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      },
      Math.min(ms, longestMs),
    );
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** A signal that aborts with `outer`, or `ms` after the last call of `restart`. Call `clear` when it is of no use any more. */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly restart: () => void;
  /** Aborts now. */
  readonly abort: () => void;
  readonly clear: () => void;
}

export function startDeadline(ms: number, outer?: AbortSignal): Deadline {
  const controller = new AbortController();
  const expire = (): void => {
    controller.abort(new Error(`nothing came for ${Math.round(ms / 1000)} s`));
  };
  const abort = (): void => {
    controller.abort(outer?.reason);
  };
  let timer = setTimeout(expire, ms);
  if (outer?.aborted === true) abort();
  else outer?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    restart: () => {
      clearTimeout(timer);
      timer = setTimeout(expire, ms);
    },
    abort: () => {
      controller.abort();
    },
    clear: () => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    },
  };
}
