/** What waits, of how many that may, and until when. With several models, each for itself: each has its own room. */
import type { Operations } from '@quintet/client';
import { h } from '../app/dom.js';
import { formatCount, formatDuration, nothing } from './format.js';
import { changing, columnHeader, hiddenCaption, meter, section, type Panel } from './panel.js';

export function queuePanel(): Panel {
  const depth = changing('strong', 'figure numbers');
  const eta = changing('p', 'quiet numbers');
  const room = changing('p', 'quiet small numbers');
  const bar = meter('Jobs that wait, of those that may');
  const rows = h('tbody');
  const table = h(
    'table',
    { hidden: true },
    hiddenCaption('The queue of each model'),
    h(
      'thead',
      {},
      h('tr', {}, columnHeader('Model'), columnHeader('Waiting', 'number'), columnHeader('Being worked on', 'number')),
    ),
    rows,
  );
  const element = section(
    'Queue',
    'queue',
    h('div', { className: 'lead' }, h('div', {}, h('p', {}, depth.element, ' waiting'), eta.element)),
    bar,
    room.element,
    table,
  );
  let shown = '';
  const show = (data: Operations | undefined): void => {
    const queue = data?.queue;
    depth.set(queue === undefined ? nothing : formatCount(queue.depth));
    eta.set(data === undefined ? nothing : etaText(data));
    // The fullest decides when the next is refused.
    const fullest = Math.max(0, ...(queue?.by_model ?? []).map(({ waiting }) => waiting));
    bar.max = queue?.max_depth ?? 1;
    bar.high = 0.8 * bar.max;
    bar.optimum = 0;
    bar.value = fullest;
    room.set(queue === undefined ? nothing : roomText(queue));
    const several = queue !== undefined && queue.by_model.length > 1;
    table.hidden = !several;
    const text = several ? JSON.stringify(queue.by_model) : '';
    if (text === shown) return;
    shown = text;
    rows.replaceChildren(...(several ? queue.by_model.map(rowOf) : []));
  };
  return { element, show };
}

function etaText({ queue: { depth, eta_seconds: eta }, workers }: Operations): string {
  if (depth === 0)
    return workers.length === 0 ? 'No worker to take the next picture' : 'The next picture is taken at once';
  return eta === undefined ? 'Done when a worker takes them' : `Done in about ${formatDuration(eta)}`;
}

function roomText({ max_depth: most, by_model: models }: Operations['queue']): string {
  const active = models.reduce((sum, model) => sum + model.active, 0);
  const each = models.length > 1 ? ' for each model' : '';
  return `${formatCount(most)} may wait${each} · ${formatCount(active)} being worked on`;
}

function rowOf({ model, waiting, active }: Operations['queue']['by_model'][number]): HTMLElement {
  return h(
    'tr',
    {},
    h('th', { scope: 'row', textContent: model }),
    h('td', { className: 'number numbers', textContent: formatCount(waiting) }),
    h('td', { className: 'number numbers', textContent: formatCount(active) }),
  );
}
