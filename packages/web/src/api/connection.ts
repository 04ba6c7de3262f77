/**
 * Whether the service answers, as the requests of this page find out; the header shows it.
 *
 * online → unreachable (a request got no answer) → online (one did). While it is unreachable, one probe asks for
 * /health/live after 1 s, 2 s … 15 s, and at once when the browser says that it is back on a network.
 */

export type Connection = { readonly kind: 'online' } | { readonly kind: 'unreachable'; readonly since: number };

type Listener = (connection: Connection) => void;

const mostSeconds = 15;
const listeners = new Set<Listener>();
let state: Connection = { kind: 'online' };
let timer: number | undefined;
let attempts = 0;

export function connection(): Connection {
  return state;
}

/** Calls `listener` with the present state and every later one, until `signal` is aborted. */
export function onConnection(listener: Listener, signal?: AbortSignal): void {
  listeners.add(listener);
  signal?.addEventListener('abort', () => listeners.delete(listener));
  listener(state);
}

export function reportAnswer(): void {
  attempts = 0;
  window.clearTimeout(timer);
  if (state.kind !== 'online') set({ kind: 'online' });
}

export function reportSilence(): void {
  if (state.kind === 'online') {
    set({ kind: 'unreachable', since: Date.now() });
    probeLater();
  }
}

function set(next: Connection): void {
  state = next;
  for (const listener of [...listeners]) listener(next);
}

function probeLater(): void {
  window.clearTimeout(timer);
  timer = window.setTimeout(() => void probe(), Math.min(mostSeconds, 2 ** attempts++) * 1000);
}

async function probe(): Promise<void> {
  try {
    await fetch(new URL('health/live', document.baseURI), { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    reportAnswer();
  } catch {
    probeLater();
  }
}

/** Listens to the browser; call once. */
export function watchNetwork(): void {
  window.addEventListener('offline', reportSilence);
  window.addEventListener('online', () => {
    if (state.kind === 'unreachable') void probe();
  });
}
