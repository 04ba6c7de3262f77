/**
 * Ctrl-C and its relatives: the first asks for an orderly end, a second for an end at once.
 *
 * A terminal sends Ctrl-C to npm and to this process, and npm hands its own on: one press arrives twice. So what follows
 * within a second is the same press.
 */
const SAME_PRESS_MS = 1000;

/**
 * @param {(signal: string) => void} onFirst
 * @param {() => never} onSecond
 */
export function listenForInterrupts(onFirst, onSecond) {
  const controller = new AbortController();
  let since = Number.POSITIVE_INFINITY;
  const handle = (/** @type {string} */ name) => {
    if (!controller.signal.aborted) {
      since = performance.now();
      onFirst(name);
      controller.abort(new Error(name));
    } else if (performance.now() - since > SAME_PRESS_MS) onSecond();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, handle);
  return controller.signal;
}
