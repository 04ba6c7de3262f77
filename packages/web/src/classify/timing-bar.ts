/** How long each phase took: a stacked bar, a legend, and the same as one sentence for whoever does not see it. */
import { h } from '../app/dom.js';
import type { Timing } from '../api/types.js';
import { formatMs } from './format.js';

interface Phase {
  readonly name: string;
  readonly ms: number;
  readonly series: number;
}

/** The phases of a job in their order. What no phase has (hand-overs between the services) is its own, where it counts. */
export function phasesOf(timing: Timing): Phase[] {
  const phases = [
    { name: 'queue', ms: timing.queue, series: 1 },
    { name: 'fetch', ms: timing.fetch, series: 2 },
    { name: 'decode and resize', ms: timing.preprocess, series: 3 },
    { name: 'batch', ms: timing.batch_wait, series: 4 },
    { name: 'inference', ms: timing.inference, series: 5 },
  ];
  const rest = timing.total - phases.reduce((sum, { ms }) => sum + ms, 0);
  if (rest >= 0.05) phases.push({ name: 'between', ms: rest, series: 0 });
  return phases;
}

export function timingBar(timing: Timing): HTMLElement {
  const phases = phasesOf(timing);
  const bar = h('div', { className: 'timing-bar', role: 'img' });
  bar.setAttribute(
    'aria-label',
    `Time by phase: ${phases.map(({ name, ms }) => `${name} ${formatMs(ms)}`).join(', ')}`,
  );
  for (const { name, ms, series } of phases) {
    const part = h('span', { className: `series-${series}`, title: `${name}: ${formatMs(ms)}` });
    part.style.setProperty('flex-grow', String(ms));
    bar.append(part);
  }
  const legend = h('ul', { className: 'legend small', ariaHidden: 'true' });
  for (const { name, ms, series } of phases) {
    legend.append(
      h(
        'li',
        {},
        h('span', { className: `swatch series-${series}` }),
        h('span', { className: 'quiet' }, name),
        h('span', { className: 'numbers' }, formatMs(ms)),
      ),
    );
  }
  return h('div', { className: 'timing' }, bar, legend);
}
