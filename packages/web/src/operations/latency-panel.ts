/** How long jobs took, phase by phase: half of them, nine of ten, all but one of a hundred. */
import type { Operations } from '@quintet/client';
import { h } from '../app/dom.js';
import { formatMilliseconds, nothing } from './format.js';
import { changing, columnHeader, hiddenCaption, section, type Panel } from './panel.js';

const phases: readonly { readonly phase: keyof Operations['latency_ms']; readonly name: string }[] = [
  { phase: 'total', name: 'Total' },
  { phase: 'queue', name: 'Waiting' },
  { phase: 'preprocess', name: 'Decoding' },
  { phase: 'inference', name: 'Model' },
];
const parts = ['p50', 'p90', 'p99'] as const;

export function latencyPanel(): Panel {
  const rows = phases.map(latencyRow);
  const element = section(
    'Latency',
    'latency',
    h(
      'table',
      {},
      hiddenCaption('Latencies of the last minute by phase, as percentiles'),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          columnHeader('Phase'),
          h('td', { className: 'percentiles-cell', ariaHidden: 'true' }),
          ...parts.map((part) => columnHeader(part, `number ${part}`)),
        ),
      ),
      h('tbody', {}, ...rows.map((row) => row.element)),
    ),
    h(
      'p',
      { className: 'quiet small' },
      'Of the jobs that succeeded in the last minute, without answers from the cache, each within 2 %.',
    ),
  );
  const show = (data: Operations | undefined): void => {
    const longest = Math.max(1e-9, ...phases.map(({ phase }) => data?.latency_ms[phase]?.p99 ?? 0));
    for (const row of rows) row.show(data, longest);
  };
  return { element, show };
}

function latencyRow({ phase, name }: (typeof phases)[number]) {
  const cells = parts.map((part) => ({ part, ...changing('td', `number numbers ${part}`) }));
  const bar = h('span', { className: 'percentiles' }, ...parts.map((part) => h('i', { className: part })));
  const element = h(
    'tr',
    {},
    h('th', { scope: 'row', textContent: name }),
    h('td', { className: 'percentiles-cell', ariaHidden: 'true' }, bar),
    ...cells.map((cell) => cell.element),
  );
  const show = (data: Operations | undefined, longest: number): void => {
    const percentiles = data?.latency_ms[phase];
    for (const { part, set } of cells) {
      set(percentiles === undefined ? nothing : formatMilliseconds(percentiles[part]));
      bar.style.setProperty(`--${part}`, String((percentiles?.[part] ?? 0) / longest));
    }
  };
  return { element, show };
}
