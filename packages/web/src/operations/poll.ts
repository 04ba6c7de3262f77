/**
 * Asks for the operations again and again while somebody looks.
 *
 *   waiting → live (an answer) ⇄ stale (none, and why); any → denied (this key may not) → waiting (the person gave another)
 * While the page is hidden nothing is asked; when it is shown again, at once. One request is under way at most.
 * Invariant: what is shown is the newest answer, or says that it is not and since when.
 */

export type Feed<T> =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'live'; readonly data: T }
  /** `data` is the last there was. */
  | { readonly kind: 'stale'; readonly data: T | undefined; readonly reason: string }
  | { readonly kind: 'denied'; readonly reason: string };

/** What a failed request means: to be asked again after `afterMs`, or not before the person has done something. */
export interface Failure {
  readonly reason: string;
  readonly denied: boolean;
  readonly afterMs: number;
}

export interface PollOptions<T> {
  readonly everyMs: number;
  readonly read: (signal: AbortSignal) => Promise<T>;
  readonly judge: (error: unknown) => Failure;
  /** Resolves as soon as somebody can see the page. */
  readonly shown: (signal: AbortSignal) => Promise<void>;
  /** Resolves when the person has given another key. */
  readonly allowed: (signal: AbortSignal) => Promise<void>;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly tell: (feed: Feed<T>) => void;
}

/** Resolves when `signal` is aborted. */
export async function poll<T>(options: PollOptions<T>, signal: AbortSignal): Promise<void> {
  const { everyMs, read, judge, shown, allowed, pause, tell } = options;
  let data: T | undefined;
  tell({ kind: 'waiting' });
  try {
    for (;;) {
      await shown(signal);
      signal.throwIfAborted();
      let waitMs = everyMs;
      try {
        data = await read(signal);
        signal.throwIfAborted();
        tell({ kind: 'live', data });
      } catch (error) {
        signal.throwIfAborted();
        const { reason, denied, afterMs } = judge(error);
        if (denied) {
          data = undefined;
          tell({ kind: 'denied', reason });
          await allowed(signal);
          signal.throwIfAborted();
          tell({ kind: 'waiting' });
          continue;
        }
        tell({ kind: 'stale', data, reason });
        waitMs = Math.max(everyMs, afterMs);
      }
      await pause(waitMs, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
