/**
 * Whether the service answers, as the requests of this page find out; the header and the cards show it.
 *
 *   online → silent (a probe got no answer within `patienceMs`: the service hangs, or the way to it does) → online (any answer)
 *   online, silent → unreachable (a request failed without an answer) → online (any answer)
 *
 * A probe asks for /health/live as soon as nothing was heard for `quietMs`; what streams and other requests bring counts as
 * heard. While the service is unreachable, probes follow after 1 s, 2 s … 15 s, and at once when the browser says that it is
 * back on a network. A hidden page does not probe. Invariant: one probe at most is under way, and one timer is set.
 * Trade-off: the probe is the sixth connection (see uploads.ts), so while a browser has none free, a service may seem silent.
 */

export type Connection =
  | { readonly kind: 'online' }
  /** `since`: the last answer, in ms of performance.now(). */
  | { readonly kind: 'silent' | 'unreachable'; readonly since: number };

type Listener = (connection: Connection) => void;

const quietMs = 3000;
const patienceMs = 5000;
const mostSeconds = 15;

const listeners = new Set<Listener>();
let state: Connection = { kind: 'online' };
let lastAnswer = 0;
let timer: number | undefined;
let attempts = 0;
let isWatching = false;
let isProbing = false;

/** Calls `listener` with the present state and every later one, until `signal` is aborted. */
export function onConnection(listener: Listener, signal?: AbortSignal): void {
  listeners.add(listener);
  signal?.addEventListener('abort', () => listeners.delete(listener));
  listener(state);
}

/** For how many seconds the service has not answered; undefined while it does. */
export function silentSeconds(): number | undefined {
  return state.kind === 'online' ? undefined : Math.round((performance.now() - state.since) / 1000);
}

/** Something came from the service: an answer, or a part of one that is streamed. */
export function reportAnswer(): void {
  attempts = 0;
  lastAnswer = performance.now();
  if (state.kind !== 'online') set({ kind: 'online' });
  probeAfter(quietMs);
}

/** A request failed and got no answer. */
export function reportUnreachable(): void {
  if (state.kind === 'unreachable') return;
  set({ kind: 'unreachable', since: lastAnswer });
  probeAfter(1000 * 2 ** attempts++);
}

function set(next: Connection): void {
  state = next;
  for (const listener of [...listeners]) listener(next);
}

function probeAfter(ms: number): void {
  if (!isWatching) return;
  window.clearTimeout(timer);
  timer = window.setTimeout(() => void probe(), ms);
}

async function probe(): Promise<void> {
  if (isProbing || document.visibilityState === 'hidden') return;
  isProbing = true;
  const sentAt = performance.now();
  try {
    const signal = AbortSignal.timeout(patienceMs);
    await fetch(new URL('health/live', document.baseURI), { cache: 'no-store', signal });
    reportAnswer();
  } catch (error) {
    const isSilent = error instanceof DOMException && error.name === 'TimeoutError';
    // Another request may have been answered meanwhile.
    if (lastAnswer > sentAt) probeAfter(quietMs);
    else if (isSilent) {
      set({ kind: 'silent', since: lastAnswer });
      probeAfter(0);
    } else {
      if (state.kind !== 'unreachable') set({ kind: 'unreachable', since: lastAnswer });
      probeAfter(Math.min(mostSeconds, 2 ** attempts++) * 1000);
    }
  } finally {
    isProbing = false;
  }
}

/** Begins to listen to the browser and to probe; call once. */
export function watchNetwork(): void {
  isWatching = true;
  window.addEventListener('offline', reportUnreachable);
  window.addEventListener('online', () => {
    if (state.kind !== 'online') void probe();
  });
  document.addEventListener('visibilitychange', () => {
    void probe();
  });
  probeAfter(quietMs);
}
