/** The history of this browser and this service: one for the page, which every part of it is given. */
import { createHistory, type History } from './history.js';
import { openHistoryStorage } from './history-storage.js';

/** Call once. A service below another path of the same origin has a history of its own. */
export function openBrowserHistory(): History {
  const name = `quintet:${new URL('.', document.baseURI).pathname}`;
  return createHistory({
    // Some browsers do not have it in private windows at all, and some throw where others reject.
    open: async () => openHistoryStorage(name),
    channel: 'BroadcastChannel' in window ? new BroadcastChannel(name) : undefined,
  });
}
