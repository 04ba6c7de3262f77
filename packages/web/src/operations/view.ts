/** The operations view: how the service does, live while somebody looks. */
import { QuintetError, sleep, type Operations } from '@quintet/client';
import { askForKey } from '../api/api-key.js';
import { toFailure } from '../api/failure.js';
import { service } from '../api/service.js';
import { h } from '../app/dom.js';
import { headlineOf } from './headline.js';
import { latencyPanel } from './latency-panel.js';
import { changing } from './panel.js';
import { poll, type Failure, type Feed } from './poll.js';
import { queuePanel } from './queue-panel.js';
import { throughputPanel } from './throughput-panel.js';
import { redisPanel, webhooksPanel } from './webhooks-and-redis.js';
import { workersPanel } from './workers-panel.js';

const everyMs = 2000;
/** A service that says nothing for so long is as good as away. */
const silenceMs = 5000;

/** Why a key may not see this, and what to do about it. */
const denials: Readonly<Record<string, string>> = {
  api_key_missing: 'This service asks for a key. One with the scope admin shows how it does.',
  api_key_invalid: 'The key of this browser is not known to the service, or no longer.',
  scope_missing:
    'The key of this browser may classify, but not see how the service does: that takes one with the scope admin. ' +
    'Whoever runs the service can give you one.',
};

/** Fills `host`, and keeps it up to date until `signal` is aborted. */
export function operationsView(host: HTMLElement, signal: AbortSignal): void {
  // Workers come and go: below them nothing has to move.
  const panels = [throughputPanel(), queuePanel(), latencyPanel(), webhooksPanel(), redisPanel(), workersPanel()];
  const headline = changing('span');
  const status = h('p', { className: 'feed-state', role: 'status' }, h('span', { className: 'dot' }), headline.element);
  const change = h('button', { type: 'button', textContent: 'Use another key' });
  const reason = changing('p', 'quiet');
  const denied = h('div', { className: 'denied stack', hidden: true }, reason.element, h('p', {}, change));
  const board = h('div', { className: 'board' }, ...panels.map(({ element }) => element));
  host.classList.add('operations');
  host.append(h('div', { className: 'top' }, h('h1', {}, 'Operations'), status), denied, board);

  const tell = (feed: Feed<Operations>): void => {
    const { tone, text } = headlineOf(feed, (at) => new Date(at).toLocaleTimeString());
    headline.set(text);
    status.dataset['tone'] = tone;
    denied.hidden = feed.kind !== 'denied';
    board.hidden = feed.kind === 'denied';
    board.classList.toggle('stale', feed.kind === 'stale');
    if (feed.kind === 'denied') reason.set(feed.reason);
    const data = feed.kind === 'live' || feed.kind === 'stale' ? feed.data : undefined;
    for (const panel of panels) panel.show(data);
  };
  const read = (while_: AbortSignal): Promise<Operations> =>
    service().operations({ signal: AbortSignal.any([while_, AbortSignal.timeout(silenceMs)]) });
  const allowed = async (while_: AbortSignal): Promise<void> => {
    do await nextClick(change, while_);
    while (!while_.aborted && !(await askForKey()));
  };
  void poll({ everyMs, read, judge, shown, allowed, pause: sleep, tell }, signal);
}

function judge(error: unknown): Failure {
  const { code, title, detail = `${title}.` } = toFailure(error);
  const denial = denials[code];
  if (denial !== undefined) return { reason: denial, denied: true, afterMs: 0 };
  const silent = error instanceof DOMException && error.name === 'TimeoutError';
  if (silent) return { reason: `The service has not answered for ${silenceMs / 1000} s.`, denied: false, afterMs: 0 };
  if (code === 'page_error')
    return { reason: `The answer cannot be read (${String(error)}).`, denied: false, afterMs: 0 };
  const afterMs = error instanceof QuintetError ? (error.retryAfter ?? 0) * 1000 : 0;
  return { reason: detail, denied: false, afterMs };
}

async function shown(signal: AbortSignal): Promise<void> {
  while (document.visibilityState === 'hidden') await nextEvent(document, 'visibilitychange', signal);
}

const nextClick = (button: HTMLButtonElement, signal: AbortSignal): Promise<void> => nextEvent(button, 'click', signal);

/** Resolves at the next event of that name, or when `signal` is aborted. */
function nextEvent(target: EventTarget, name: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      target.removeEventListener(name, done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    target.addEventListener(name, done);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
