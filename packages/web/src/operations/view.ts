/** The operations view: how the service does, live. */
import { h } from '../app/dom.js';

/** Fills `host`, and keeps it up to date until `signal` is aborted. */
export function operationsView(host: HTMLElement, signal: AbortSignal): void {
  if (signal.aborted) return;
  host.append(h('h1', {}, 'Operations'));
}
